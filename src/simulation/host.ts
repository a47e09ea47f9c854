import type { ServerId } from '../core/ballot';
import type { Environment } from '../core/environment';
import { Disk } from './disk';
import { formatEvent } from './format-event';
import type { Scheduler } from './virtual-time';
import type { World } from './world';

/**
 * Moments of a call when a crash hurts most. Nothing happens at them outside of a simulation. `client-answered`: and
 * something that the server has done is not synced yet. `snapshot-installed`: in memory, and on the disk a little later.
 */
export type CallPoint = 'call-sent' | 'call-answered' | 'client-answered' | 'snapshot-installed';

/**
 * One server's machine. Its disk and its clock stay; what runs on it lives from boot to crash. A paused machine does
 * nothing, and when it goes on it does all that came up meanwhile, with its old beliefs.
 */
export class Host {
  readonly id: ServerId;
  readonly disk: Disk;
  readonly #world: World<Scheduler>;
  #incarnations = 0;
  #current: { isAlive: boolean } = { isAlive: false };
  #backlog: (() => void)[] | undefined;
  #clock = { offsetMs: 0, since: 0, rate: 1 };
  /** Called at each point; may crash the host. */
  onPoint: (point: CallPoint) => void = () => undefined;

  constructor(world: World<Scheduler>, id: ServerId) {
    this.#world = world;
    this.id = id;
    this.disk = new Disk(world.time, id, (run) => {
      this.gate(run);
    });
    world.attach(this);
  }

  get isUp(): boolean {
    return this.#current.isAlive;
  }

  get isPaused(): boolean {
    return this.#backlog !== undefined;
  }

  /** Starts a new incarnation and gives what it may touch of the world. */
  boot(): Environment {
    const { network, observer, random, members } = this.#world;
    const incarnation = { isAlive: true };
    this.#current = incarnation;
    observer.booted(this.id);
    this.#world.tell?.(this.id, () => `starts, incarnation ${this.#incarnations + 1}`);
    const after = (delayMs: number, run: () => void): (() => void) =>
      this.#after(delayMs, () => {
        if (incarnation.isAlive) run();
      });
    const never = new Promise<never>(() => undefined);
    const storage = this.disk.storage();
    return {
      self: this.id,
      members,
      clock: {
        now: () => {
          this.#world.spins.turn();
          return this.#now();
        },
        after,
        sleep: (delayMs) => new Promise((resolve) => after(delayMs, resolve)),
      },
      random: random.fork(`server ${this.id} incarnation ${++this.#incarnations}`),
      transport: {
        call: (to, method, params, options) => {
          if (!incarnation.isAlive) return never;
          this.#world.load.called(method, params);
          const answer = network.call(this.id, to, method, params, options, () => {
            if (incarnation.isAlive) this.onPoint('call-answered');
            return incarnation.isAlive;
          });
          this.onPoint('call-sent');
          return answer;
        },
        listen: (dispatch) => {
          if (incarnation.isAlive) network.listen(this.id, dispatch);
        },
      },
      // What runs goes on to the next await although its machine is gone; nothing of that may reach the disk.
      storage: {
        write: (changes) => {
          this.#world.spins.turn();
          return incarnation.isAlive ? storage.write(changes) : never;
        },
        defer: (changes) => {
          if (incarnation.isAlive) storage.defer(changes);
        },
        read: (prefix) => storage.read(prefix),
      },
      faults: { loses: (service) => this.#world.faults(this.id, service) },
      fail: (error) => {
        if (incarnation.isAlive) observer.unexpected(this.id, error);
      },
      trace: (describe) => {
        this.#world.spins.turn();
        if (!incarnation.isAlive) return;
        const event = describe();
        this.#world.tell?.(this.id, () => formatEvent(event));
        observer.see(this.id, event);
        if (event.kind === 'caught-up' && event.by === 'snapshot') this.onPoint('snapshot-installed');
      },
    };
  }

  /** Ends the incarnation at once: its calls, timers and pending writes never settle. Gives the number of lost writes. */
  crash(keptWrites = 0): number {
    this.#current.isAlive = false;
    this.#backlog = undefined;
    this.#world.network.detach(this.id);
    const lost = this.disk.crash(keptWrites);
    this.#world.tell?.(this.id, () => `crashes and loses ${lost} unsynced writes`);
    return lost;
  }

  pause(): void {
    this.#world.tell?.(this.id, () => 'is paused');
    this.#backlog ??= [];
  }

  resume(): void {
    this.#world.tell?.(this.id, () => `goes on; ${this.#backlog?.length ?? 0} things came up meanwhile`);
    const backlog = this.#backlog ?? [];
    this.#backlog = undefined;
    for (const run of backlog) this.#world.time.after(0, run, 'message', this.id);
  }

  /** Runs it now, or when the machine goes on. What a crash catches never runs. */
  gate(run: () => void): void {
    if (this.#backlog === undefined) run();
    else this.#backlog.push(run);
  }

  /** From now on the machine's clock runs so much faster than the world's. */
  setClockRate(rate: number): void {
    this.#clock = { offsetMs: this.#now(), since: this.#world.time.now, rate };
  }

  /** The machine's clock leaps forward; timers do not notice. */
  jumpClock(byMs: number): void {
    this.#clock = { ...this.#clock, offsetMs: this.#clock.offsetMs + byMs };
  }

  #now(): number {
    const { offsetMs, since, rate } = this.#clock;
    return offsetMs + (this.#world.time.now - since) * rate;
  }

  #after(delayMs: number, run: () => void): () => void {
    return this.#world.time.after(
      Math.max(0, delayMs) / this.#clock.rate,
      () => {
        this.gate(run);
      },
      'timer',
      this.id,
    );
  }
}
