import type { ServerId } from '../../src/core/ballot';
import type { Environment } from '../../src/core/environment';
import { SeededRandom } from '../../src/core/random';
import { Disk } from './disk';
import { Network } from './network';
import { Observer } from './observer';
import { VirtualTime } from './virtual-time';

/** Which calls on the services of a server go unanswered, and which half of them is lost. */
export type FaultRule = (server: ServerId, service: string) => 'request' | 'answer' | undefined;

/** A whole cluster's surroundings in one thread: virtual time, a network that obeys, disks that forget, and an observer. */
export class World {
  readonly members: readonly ServerId[];
  readonly random: SeededRandom;
  readonly observer: Observer;
  readonly time: VirtualTime;
  readonly network: Network;
  faults: FaultRule = () => undefined;

  constructor(members: readonly ServerId[], seed: number) {
    this.members = members;
    this.random = new SeededRandom(seed);
    this.observer = new Observer(members.length);
    this.time = new VirtualTime(() => {
      this.observer.check();
    });
    this.network = new Network(this.time, (server, error) => {
      this.observer.unexpected(server, error);
    });
  }
}

/** One server's machine. Its disk stays; what runs on it lives from boot to crash. */
export class Host {
  readonly id: ServerId;
  readonly disk: Disk;
  readonly #world: World;
  #incarnations = 0;
  #current: { isAlive: boolean } = { isAlive: false };

  constructor(world: World, id: ServerId) {
    this.#world = world;
    this.id = id;
    this.disk = new Disk(world.time);
  }

  get isUp(): boolean {
    return this.#current.isAlive;
  }

  /** Starts a new incarnation and gives what it may touch of the world. */
  boot(): Environment {
    const { time, network, observer, random, members } = this.#world;
    const incarnation = { isAlive: true };
    this.#current = incarnation;
    observer.booted(this.id);
    const after = (delayMs: number, run: () => void): (() => void) =>
      time.after(delayMs, () => {
        if (incarnation.isAlive) run();
      });
    const never = new Promise<never>(() => undefined);
    return {
      self: this.id,
      members,
      clock: {
        now: () => time.now,
        after,
        sleep: (delayMs) => new Promise((resolve) => after(delayMs, resolve)),
      },
      random: random.fork(`server ${this.id} incarnation ${++this.#incarnations}`),
      transport: {
        call: (to, method, params, options) =>
          incarnation.isAlive
            ? network
                .call(this.id, to, method, params, options)
                .finally(() => (incarnation.isAlive ? undefined : never))
            : never,
        listen: (dispatch) => {
          if (incarnation.isAlive) network.listen(this.id, dispatch);
        },
      },
      storage: this.disk.storage(),
      faults: { loses: (service) => this.#world.faults(this.id, service) },
      trace: (event) => {
        if (incarnation.isAlive) observer.see(this.id, event());
      },
    };
  }

  /** Ends the incarnation at once: its calls, timers and pending writes never settle. Gives the number of lost writes. */
  crash(keptWrites = 0): number {
    this.#current.isAlive = false;
    this.#world.network.detach(this.id);
    return this.disk.crash(keptWrites);
  }
}
