import type { ServerId } from '../core/ballot';
import { SeededRandom } from '../core/random';
import { LoadMeter } from './load-meter';
import { Network, type Machines } from './network';
import { Observer } from './observer';
import { Spins } from './spins';
import { StatusObserver } from './status-observer';
import { VirtualTime, type Place, type Scheduler } from './virtual-time';
import type { Host } from './host';

/** Which calls on the services of a server go unanswered, and which half of them is lost. */
export type FaultRule = (server: ServerId, service: string) => 'request' | 'answer' | undefined;

/** A whole cluster's surroundings in one thread: a scheduler, a network that obeys, and an observer. */
export class World<S extends Scheduler = VirtualTime> {
  readonly members: readonly ServerId[];
  readonly random: SeededRandom;
  readonly observer: Observer;
  readonly status: StatusObserver;
  readonly load = new LoadMeter();
  readonly spins: Spins;
  readonly time: S;
  readonly network: Network;
  readonly #hosts = new Map<Place, Host>();
  faults: FaultRule = () => undefined;
  /** Sees each answer of a server to another one, as it leaves. */
  answered: Machines['answered'];
  /** Hears what happens, for people; the text is made only if somebody listens. */
  tell: ((place: Place, text: () => string) => void) | undefined;

  /** `createTime` gets what is to be called after each event; it may throw, which ends the run. */
  constructor(
    members: readonly ServerId[],
    seed: number,
    createTime: (afterEach: () => void) => S,
    quorums = 'majority',
  ) {
    this.members = members;
    this.random = new SeededRandom(seed);
    this.observer = new Observer(members.length, quorums);
    this.status = new StatusObserver(this.observer);
    this.spins = new Spins(this.observer);
    this.time = createTime(() => {
      this.spins.rest();
      this.observer.check();
    });
    this.network = new Network(this.time, {
      gate: (place, run) => {
        const host = this.#hosts.get(place);
        if (host === undefined) run();
        else host.gate(run);
      },
      unexpected: (server, error) => {
        this.observer.unexpected(server, error);
      },
      answered: (from, method, params, answer) => {
        this.answered?.(from, method, params, answer);
      },
    });
  }

  attach(host: Host): void {
    this.#hosts.set(host.id, host);
  }
}

/** More than any sane run needs: one that gets here goes round in circles. */
const MOST_EVENTS = 3_000_000;

/** A world with virtual time; `check` runs after each event, and may tell the observer of what it finds. */
export function virtualWorld(
  members: readonly ServerId[],
  seed: number,
  check?: () => void,
  quorums = 'majority',
): World {
  const createTime = (afterEach: () => void): VirtualTime => {
    const time = new VirtualTime(() => {
      if (time.events > MOST_EVENTS) world.observer.fail('runaway', `${MOST_EVENTS} events and no end`);
      check?.();
      afterEach();
    });
    return time;
  };
  const world: World = new World(members, seed, createTime, quorums);
  return world;
}
