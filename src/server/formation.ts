import { z } from 'zod';
import type { ServerId } from '../core/ballot';
import type { Cancel, Clock, Transport } from '../core/environment';
import { Unanswered } from '../core/errors';
import { Dispatcher, stub, type Method, type Service } from '../core/rmi';
import { StartRefused } from './configuration';
import { MOST_RUNS, type Identity } from './identity';
import type { Log } from './logging';

const CALL_TIMEOUT_MS = 1000;
const RETRY_MS = 100;
const REPORT_MS = 3000;
/** A server that was let in before gives the others so long to say that it must not vote, before it does. */
const OBJECTION_MS = 500;
/** A copy of a data folder that is older than this is refused. */
const RENEW_MS = 5_000;

const run = z.string().min(1).max(100);
const hello = z.object({
  id: z.int().min(0),
  disk: z.string().min(1).max(100),
  generation: z.int().min(1),
  run,
  /** The earlier runs on the caller's data, each with its last generation. */
  before: z.array(z.object({ run, generation: z.int().min(0) })).max(MOST_RUNS),
  initialDigest: z.string().max(100),
  /** The caller was let in before. */
  admitted: z.boolean(),
  /** The caller votes from now on. If not, it asks whether it may. */
  votes: z.boolean(),
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
 *
 * A disk that was put back to an older state has lost promises too. So each start of a server, and each five seconds of its
 * life, are a new generation of its data, which it stores and then tells the others. They record it, durably, since all of
 * them may have been restarted when it matters; and they refuse the same disk where it has not got to that generation in that very run.
 * The number alone would not do: a folder that was put back gets higher ones with each start. Whoever only asks whether it may
 * vote leaves no trace: if one of the others refuses it, the folder that it should have started with is still welcome to all.
 */
export class Formation implements Service<typeof FORMATION_METHODS> {
  readonly #self: ServerId;
  readonly #identity: Identity;
  readonly #clock: Clock;
  readonly #log: Pick<Log, 'warn'>;
  readonly #onRefused: (error: StartRefused) => void;
  readonly #fail: (error: unknown) => void;
  readonly #peers: ReadonlyMap<ServerId, Service<typeof FORMATION_METHODS>>;
  readonly #dispatcher = new Dispatcher();
  #cancelRenewal: Cancel = () => undefined;
  #votes = false;
  #stopped = false;

  constructor(parts: {
    self: ServerId;
    members: readonly ServerId[];
    identity: Identity;
    transport: Transport;
    clock: Clock;
    log: Pick<Log, 'warn'>;
    onRefused: (error: StartRefused) => void;
    /** Hears of a failed write in the background. */
    fail: (error: unknown) => void;
  }) {
    this.#self = parts.self;
    this.#identity = parts.identity;
    this.#clock = parts.clock;
    this.#log = parts.log;
    this.#onRefused = parts.onRefused;
    this.#fail = parts.fail;
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
      const { disk, generation, run, votes } = caller;
      const known = this.#identity.ageOf(caller.id);
      const age = !votes && known?.disk === disk ? known : { disk, generation, run };
      await this.#identity.recordAge(caller.id, age);
      return { kind: 'welcome' };
    }
    // A newcomer has no say against a server that was let in before; it will be told so itself.
    if (caller.admitted && !this.#identity.isAdmitted) throw new Unanswered(reason);
    return { kind: 'refused', reason };
  }

  /** Resolves when this server may vote. Rejects with StartRefused, or calls `onRefused` later, when a peer says that it must not. */
  async join(): Promise<void> {
    const greetings = [...this.#peers].map(([peer, stub]) => this.#greet(peer, stub));
    const greeted = Promise.all(greetings.map(({ welcomed }) => welcomed));
    const patience = this.#clock.sleep(OBJECTION_MS);
    // A server that was admitted before need not wait for those that are down, but a peer may know something against it.
    if (this.#identity.isAdmitted) {
      greeted.catch(this.#onRefused);
      const tried = Promise.all(greetings.map((greeting) => greeting.tried));
      await Promise.race([greeted, tried, patience]);
    } else await greeted;
    if (this.#stopped) return;
    if (!this.#identity.isAdmitted) await this.#identity.admit();
    this.#votes = true;
    const told = this.#tell();
    told.catch(this.#onRefused);
    await Promise.race([told, patience]);
    this.#renewLater();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelRenewal();
  }

  /** A new generation of the data, now and then: a copy made before is older, for all who hear of it. */
  #renewLater(): void {
    if (this.#stopped) return;
    this.#cancelRenewal = this.#clock.after(RENEW_MS, () => {
      this.#renew().then(() => {
        this.#renewLater();
      }, this.#fail);
    });
  }

  async #renew(): Promise<void> {
    await this.#identity.renew();
    this.#tell().catch(this.#onRefused);
  }

  /** Has the others record this generation; rejects with StartRefused. Who does not answer hears of the next one. */
  async #tell(): Promise<void> {
    const tell = async (peer: Service<typeof FORMATION_METHODS>): Promise<void> => {
      const answer = await peer.hello(this.#ownHello()).catch(() => undefined);
      if (answer?.kind === 'refused' && !this.#stopped) throw new StartRefused(answer.reason);
    };
    await Promise.all([...this.#peers.values()].map(tell));
  }

  #ownHello(): Hello {
    const { age, before, initialDigest, isAdmitted } = this.#identity;
    return {
      id: this.#self,
      ...age,
      before: [...before],
      initialDigest,
      admitted: isAdmitted,
      votes: this.#votes,
    };
  }

  /** Why the caller must not be let in, if so. */
  #objection({ id, disk, run, before, initialDigest }: Hello): string | undefined {
    if (!this.#peers.has(id)) return `server ${id} is no other member of this cluster`;
    if (initialDigest !== this.#identity.initialDigest)
      return (
        `server ${this.#self} started from another initial store (digest ${this.#identity.initialDigest}) ` +
        `than server ${id} (digest ${initialDigest}): all servers need the same prepopulate.json`
      );
    const known = this.#identity.ageOf(id);
    if (known === undefined) return undefined;
    if (known.disk !== disk)
      return (
        `server ${this.#self} knows server ${id} by other data: its data was lost or replaced, and without its ` +
        `promises it must not vote again. ${whatToDo(id)}`
      );
    // A run from before those that are remembered is told by its number alone.
    const isLongAgo = known.generation < (before[0]?.generation ?? 0);
    const reached =
      before.find((earlier) => earlier.run === known.run)?.generation ?? (isLongAgo ? known.generation : 0);
    if (known.run !== run && reached < known.generation)
      return (
        `server ${this.#self} knows newer data of server ${id} (generation ${known.generation}, now ${reached}): ` +
        'its folder was put back to an older state, which lacks promises and votes that it has given since, so it must ' +
        `not vote again. ${whatToDo(id)}`
      );
    return undefined;
  }

  /** `tried` resolves once the peer had one chance to refuse, `welcomed` when it welcomes; rejects with StartRefused. */
  #greet(
    peer: ServerId,
    stub: Service<typeof FORMATION_METHODS>,
  ): { readonly tried: Promise<void>; readonly welcomed: Promise<void> } {
    let becomeTried: () => void = () => undefined;
    const tried = new Promise<void>((resolve) => (becomeTried = resolve));
    return { tried, welcomed: this.#untilWelcome(peer, stub, becomeTried) };
  }

  async #untilWelcome(
    peer: ServerId,
    stub: Service<typeof FORMATION_METHODS>,
    tried: () => void,
  ): Promise<void> {
    let reportAt = this.#clock.now() + REPORT_MS;
    let silence = '';
    while (!this.#stopped) {
      const answer = await stub
        .hello(this.#ownHello())
        .catch((error: unknown) => void (silence = (error as Error).message));
      if (answer?.kind === 'refused') throw new StartRefused(answer.reason);
      tried();
      if (answer?.kind === 'welcome') return;
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

function whatToDo(id: ServerId): string {
  return (
    `Start server ${id} with the very folder that it ran with last, never with a copy from earlier. If that folder is ` +
    'lost, leave the server stopped: the others go on while they are a quorum. Or start a new cluster in empty folders'
  );
}
