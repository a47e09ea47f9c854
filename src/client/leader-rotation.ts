import { API_METHODS } from '../api/methods';
import type { ClientEnvironment } from './environment';
import { Rotation } from './rotation';

/** How long it is taken for true who leads. */
const LEARNED_MS = 5000;
/** The pause before the next question when the answer was of no use. */
const ASK_AGAIN_MS = 250;
/** A server that failed is not turned to for so long, though it may lead: perhaps only the others can reach it. */
const AVOIDED_MS = 30_000;
const ANSWER_WITHIN_MS = 1000;

/**
 * A ring that turns to the server that leads, where the protocol has one: a request there need not be forwarded. The
 * server in use is asked who leads, beside an operation, so that none waits for the answer; and the ring turns before
 * another operation begins, so that whoever does one at a time knows who answered it.
 */
export class LeaderRotation extends Rotation {
  readonly #environment: ClientEnvironment;
  readonly #failedAt = new Map<string, number>();
  #leader: string | undefined;
  #askAt = -Infinity;
  #isAsking = false;
  #isFirst = true;

  constructor(servers: readonly string[], environment: ClientEnvironment) {
    super(servers);
    this.#environment = environment;
  }

  override leave(server: string): void {
    super.leave(server);
    this.#failedAt.set(server, this.#environment.clock.now());
    this.#leader = undefined;
    this.#askAt = -Infinity;
  }

  /** Before an operation begins. */
  turn(): void {
    if (this.#leader !== undefined) this.turnTo(this.#leader);
    this.#leader = undefined;
  }

  /** After an operation was sent. Of the first one nobody knows whether another follows. */
  ask(): void {
    const isDue = !this.#isFirst && this.#environment.clock.now() >= this.#askAt;
    this.#isFirst = false;
    if (!isDue || this.#isAsking || this.servers.length === 1) return;
    this.#isAsking = true;
    // A server that fails in the meantime makes the question due again.
    this.#askAt = this.#environment.clock.now() + LEARNED_MS;
    void this.#learn().then((isLearned) => {
      this.#isAsking = false;
      if (!isLearned) this.#askAt = Math.min(this.#askAt, this.#environment.clock.now() + ASK_AGAIN_MS);
    });
  }

  /** Whether there is no reason to ask again soon. */
  async #learn(): Promise<boolean> {
    const answer = await this.#environment
      .call(this.current, 'cluster.status', {}, ANSWER_WITHIN_MS)
      .catch(() => undefined);
    const status = API_METHODS['cluster.status'].result.safeParse(answer).data;
    if (status === undefined) return false;
    const leader = status.members.find(({ id }) => id === status.leader)?.address;
    // No leader, or one by a name that this client was not given: then any server is as good.
    if (leader === undefined || !this.servers.includes(leader)) return true;
    const failedAt = this.#failedAt.get(leader) ?? -Infinity;
    if (this.#environment.clock.now() - failedAt < AVOIDED_MS) return false;
    this.#leader = leader;
    return true;
  }
}
