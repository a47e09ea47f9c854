import { z } from 'zod';
import type { ServerId } from '../core/ballot';
import type { Clock, Transport } from '../core/environment';
import { Unanswered } from '../core/errors';
import { Dispatcher, stub, type Method, type Service } from '../core/rmi';
import { StartRefused } from './configuration';
import type { Identity } from './identity';
import type { Log } from './logging';

const CALL_TIMEOUT_MS = 1000;
const RETRY_MS = 100;
const REPORT_MS = 3000;

const hello = z.object({
  id: z.int().min(0),
  disk: z.string().min(1).max(100),
  initialDigest: z.string().max(100),
  /** The caller was let in before. */
  admitted: z.boolean(),
});
const welcome = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('welcome') }),
  z.object({ kind: z.literal('refused'), reason: z.string() }),
]);
type Hello = z.output<typeof hello>;
type Welcome = z.output<typeof welcome>;

export const FORMATION_METHODS = {
  hello: { lane: 'bulk', params: hello, result: welcome } satisfies Method<Hello, Welcome>,
};

/**
 * How servers meet. A server with a new disk may vote only after every other server has durably recorded that disk.
 * So no disk can vote, be wiped, and come back under the same id as if it had never promised: whoever remains of the
 * others remembers the old disk and refuses the new one. The price: a cluster forms when all its servers have met once.
 */
export class Formation implements Service<typeof FORMATION_METHODS> {
  readonly #self: ServerId;
  readonly #identity: Identity;
  readonly #clock: Clock;
  readonly #log: Pick<Log, 'warn'>;
  readonly #onRefused: (error: StartRefused) => void;
  readonly #peers: ReadonlyMap<ServerId, Service<typeof FORMATION_METHODS>>;
  readonly #dispatcher = new Dispatcher();
  #stopped = false;

  constructor(parts: {
    self: ServerId;
    members: readonly ServerId[];
    identity: Identity;
    transport: Transport;
    clock: Clock;
    log: Pick<Log, 'warn'>;
    onRefused: (error: StartRefused) => void;
  }) {
    this.#self = parts.self;
    this.#identity = parts.identity;
    this.#clock = parts.clock;
    this.#log = parts.log;
    this.#onRefused = parts.onRefused;
    this.#dispatcher.expose('cluster', FORMATION_METHODS, this);
    this.#peers = new Map(
      parts.members
        .filter((member) => member !== parts.self)
        .map((member) => [
          member,
          stub(parts.transport, member, 'cluster', FORMATION_METHODS, CALL_TIMEOUT_MS),
        ]),
    );
  }

  /** Answers `cluster.hello`, from the first moment on. */
  get dispatch(): Dispatcher['dispatch'] {
    return this.#dispatcher.dispatch;
  }

  async hello(caller: Hello): Promise<Welcome> {
    const reason = this.#objection(caller);
    if (reason === undefined) {
      // Also for a disk that is known: its first record may still be on the way to the disk.
      await this.#identity.recordDisk(caller.id, caller.disk);
      return { kind: 'welcome' };
    }
    // A newcomer has no say against a server that was let in before; it will be told so itself.
    if (caller.admitted && !this.#identity.isAdmitted) throw new Unanswered(reason);
    return { kind: 'refused', reason };
  }

  /** Resolves when this server may vote. Rejects with StartRefused, or calls `onRefused` later, when a peer says that it must not. */
  async join(): Promise<void> {
    const greeted = Promise.all([...this.#peers].map(([peer, stub]) => this.#greet(peer, stub)));
    // A server that was admitted before need not wait for anybody, but a peer may know something against it.
    if (this.#identity.isAdmitted) greeted.catch(this.#onRefused);
    else await greeted;
    if (!this.#stopped && !this.#identity.isAdmitted) await this.#identity.admit();
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Why the caller must not be let in, if so. */
  #objection({ id, disk, initialDigest }: Hello): string | undefined {
    if (!this.#peers.has(id)) return `server ${id} is no other member of this cluster`;
    if (initialDigest !== this.#identity.initialDigest)
      return (
        `server ${this.#self} started from another initial store (digest ${this.#identity.initialDigest}) ` +
        `than server ${id} (digest ${initialDigest}): all servers need the same prepopulate.json`
      );
    const known = this.#identity.diskOf(id);
    if (known === undefined || known === disk) return undefined;
    return (
      `server ${this.#self} knows server ${id} by other data: its data was lost or replaced, and without its ` +
      'promises it must not vote again. Bring the data back, or start a new cluster in empty folders'
    );
  }

  async #greet(peer: ServerId, stub: Service<typeof FORMATION_METHODS>): Promise<void> {
    let reportAt = this.#clock.now() + REPORT_MS;
    const { disk, initialDigest, isAdmitted: admitted } = this.#identity;
    let silence = '';
    while (!this.#stopped) {
      const answer = await stub
        .hello({ id: this.#self, disk, initialDigest, admitted })
        .catch((error: unknown) => void (silence = (error as Error).message));
      if (answer?.kind === 'welcome') return;
      if (answer?.kind === 'refused') throw new StartRefused(answer.reason);
      if (this.#clock.now() >= reportAt && !this.#identity.isAdmitted) {
        this.#log.warn(`waiting for server ${peer}: a new server votes only once all others know it`, {
          reason: silence,
        });
        reportAt += REPORT_MS;
      }
      await this.#clock.sleep(RETRY_MS);
    }
  }
}
