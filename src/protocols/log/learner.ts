import type { Ballot, Slot } from '../../core/ballot';
import type { Cancel, Change, Environment } from '../../core/environment';
import { InvariantViolation, invariant } from '../../core/invariant';
import type { Json } from '../../core/json';
import type { StateMachine, StateRecord } from '../../core/state-machine';
import { sizeOf, type LogLimits } from './log';
import type { LearnerService, SnapshotAnswer, SnapshotRequest, Value } from './messages';
import { SnapshotOffers, type Snapshot } from './snapshot';
import { StoredLog, type OwnVote } from './stored-log';
import { APPLIED, StoredState } from './stored-state';

const FLOOR = 'learner/floor';
/** A checkpoint holds no more than about this of large values, however many slots are left: it is one write. */
const CHECKPOINT_CHARACTERS = 8 * 1024 * 1024;

export interface LearnerOptions {
  readonly log: LogLimits;
  /** Of the log after a snapshot that a peer is fetching. */
  readonly offeredLog: LogLimits;
  /** The state is stored after so many slots; what is applied in between is stored by the log alone. */
  readonly checkpointSlots: number;
  /** Whether the learner stores all chosen values itself. If not, only those that the own votes do not show. */
  readonly storesChosen: boolean;
  /** The most that one answer to a peer holds, about. */
  readonly pieceSlots: number;
  readonly pieceCharacters: number;
}

/** A command whose result somebody on this server wants. */
export interface Expectation<Result> {
  /** Undefined until the command is applied here. */
  readonly outcome: { readonly result: Result } | undefined;
  readonly cancel: Cancel;
}

/**
 * Learns which value is chosen in each slot, applies them to the state machine in slot order without a gap
 * [Paxos Made Simple, 2.3 and 3], and passes them on to peers that missed them.
 *
 * What it stores may lag behind what it knows, since a chosen value stays chosen and can be learned again; but
 * state, applied index and floor change in one write, a checkpoint or the end of an install, and so always fit each other. The log, and the
 * votes for it, are dropped below a checkpoint only.
 */
export class Learner<Command extends Json, Result> implements LearnerService {
  readonly #environment: Environment;
  readonly #machine: StateMachine<Command, Result>;
  readonly #options: LearnerOptions;
  readonly #log: StoredLog;
  readonly #expected = new Map<string, { result: Result } | undefined>();
  readonly #watchers = new Set<() => void>();
  readonly #state: StoredState;
  #truncateVotes: (floor: Slot) => Change[] = () => [];
  #applied: Slot = 0;
  /** Up to where the stored state goes. */
  #checkpoint: Slot = 0;
  #storedFloor: Slot = 1;
  /** Characters of the values applied since. */
  #unstored = 0;
  #isFirstStart = true;
  readonly #offers: SnapshotOffers;

  constructor(environment: Environment, machine: StateMachine<Command, Result>, options: LearnerOptions) {
    this.#environment = environment;
    this.#machine = machine;
    this.#options = options;
    this.#log = new StoredLog(options.log, options.storesChosen, options.offeredLog);
    this.#state = new StoredState(environment.storage, options);
    this.#offers = new SnapshotOffers(environment.clock, options);
  }

  /** All slots up to this one are applied. */
  get applied(): Slot {
    return this.#applied;
  }

  get highestChosen(): Slot {
    return this.#log.highest;
  }

  get floor(): Slot {
    return this.#log.floor;
  }

  /** Whether the slot is known to be chosen. */
  knows(slot: Slot): boolean {
    return slot <= this.#applied || this.#log.get(slot) !== undefined;
  }

  /** The value chosen in the slot, if it is known and still kept. */
  chosenIn(slot: Slot): Value | undefined {
    return this.#log.get(slot);
  }

  /** Calls `truncate` with each new floor; the changes it gives are stored together with the learner's own. */
  onTruncate(truncate: (floor: Slot) => Change[]): void {
    this.#truncateVotes = truncate;
  }

  /** Counts on it that a vote is stored as soon as it is cast, until it is truncated. */
  onVotes(voteIn: (slot: Slot) => OwnVote | undefined): void {
    this.#log.onVotes(voteIn);
  }

  /** Names the snapshots that are offered to peers: each name is used once in the life of the cluster. */
  onOffer(nextId: () => string): void {
    this.#offers.nameBy(nextId);
  }

  /** Calls `watcher` after every step forward, until cancelled. */
  watch(watcher: () => void): Cancel {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** Resolves when `reached` holds, looked at after every step forward, or when the delay is over. */
  until(reached: () => boolean, delayMs: number): Promise<void> {
    if (reached()) return Promise.resolve();
    return new Promise((resolve) => {
      const finish = (): void => {
        cancelTimer();
        cancelWatch();
        resolve();
      };
      const cancelTimer = this.#environment.clock.after(delayMs, finish);
      const cancelWatch = this.watch(() => {
        if (reached()) finish();
      });
    });
  }

  /** Keeps the result of the value with this id when it is applied here, until cancelled. */
  expect(id: string): Expectation<Result> {
    const expected = this.#expected;
    expected.set(id, undefined);
    return {
      get outcome() {
        return expected.get(id);
      },
      cancel: () => expected.delete(id),
    };
  }

  /** Takes back one stored entry. Entries of other roles are left alone. */
  recover(key: string, stored: Json): void {
    if (this.#log.recover(key, stored) || this.#state.recover(key, stored)) return;
    if (key === APPLIED) {
      this.#applied = this.#checkpoint = stored as Slot;
      this.#isFirstStart = false;
    } else if (key === FLOOR) this.#storedFloor = stored as Slot;
  }

  /** After the last entry is taken back. On the very first start the machine's initial state is made durable instead. */
  async recovered(): Promise<void> {
    const records = this.#state.takeRecords();
    if (this.#isFirstStart) await this.#storeInitialState();
    else this.#machine.restore(records);
    // Nobody waits for that, and nothing is wrong if a crash cuts it short: the next start goes on with it.
    this.#state.deleteLeftovers().catch(this.#environment.fail);
    const floor = this.#log.recovered(this.#applied, this.#storedFloor);
    const changes = this.#moveFloor(floor);
    // Nothing that is below the floor stays on the disk, whoever left it there.
    if (floor > this.#storedFloor || changes.length > 1) this.#environment.storage.defer(changes);
    this.#apply();
  }

  learn({ slot, value }: { slot: Slot; value: Value }): Promise<null> {
    this.learnAll([{ slot, value }]);
    return Promise.resolve(null);
  }

  /**
   * Learns several chosen values and applies what has become contiguous, in one write. `chosenBy`: the ballot under which
   * a quorum voted for them, if that is known.
   */
  learnAll(entries: Iterable<{ slot: Slot; value: Value }>, chosenBy?: Ballot): void {
    for (const { slot, value } of entries) {
      const known = this.#log.get(slot);
      invariant(known === undefined || known.id === value.id, `one value is chosen in slot ${slot}`);
      if (known !== undefined || slot <= this.#applied) continue;
      this.#log.learn(slot, value, chosenBy);
      this.#environment.trace(() => ({ kind: 'learned', slot, value: value.id }));
    }
    this.#apply();
    for (const watcher of this.#watchers) watcher();
  }

  position(): Promise<{ applied: Slot; highestChosen: Slot }> {
    return Promise.resolve({ applied: this.#applied, highestChosen: this.#log.highest });
  }

  chosen({ from }: { from: Slot }): Promise<{ floor: Slot; entries: { slot: Slot; value: Value }[] }> {
    const entries = this.#log.read(from, this.#options.pieceSlots, this.#options.pieceCharacters);
    return Promise.resolve({ floor: this.#log.floor, entries });
  }

  snapshot(request: SnapshotRequest): Promise<SnapshotAnswer> {
    // The state before the first slot is no news to anybody, and not the same on servers that start otherwise.
    if (this.#applied === 0) return Promise.resolve({ kind: 'nothing' });
    const state = (): Snapshot => ({ slot: this.#applied, records: this.#machine.snapshot() });
    return Promise.resolve(this.#offers.answer(request, this.#log.floor - 1, state));
  }

  /**
   * Replaces the state by a peer's of a later slot, once all of that is durable; an older one is ignored. Promises and votes
   * above it stay. `onStored` is called after each piece.
   *
   * While the pieces are written, all goes on with the old state: slots are learned and applied, checkpoints written under
   * the old generation. Should it have got past the snapshot by then, the snapshot is dropped. A second install writes a
   * generation of its own, and whichever is later in the end holds. A crash or a stop in between leaves the old state.
   * State, applied slot, floor and truncated votes change together, in memory at once and on disk in one write, which
   * comes before whatever is stored of the new state later.
   */
  async install(slot: Slot, records: readonly StateRecord[], onStored?: () => void): Promise<void> {
    if (slot <= this.#applied) return;
    const generation = await this.#state.write(records, onStored);
    if (slot <= this.#applied) {
      await this.#state.delete(generation, keysOf(records));
      return;
    }
    const old = this.#state.generation;
    // What was deleted since the checkpoint is stored still.
    const stale = [...keysOf(this.#machine.snapshot()), ...this.#machine.takeChanges().map(({ key }) => key)];
    this.#machine.restore(records);
    this.#machine.takeChanges();
    this.#applied = this.#checkpoint = slot;
    this.#unstored = 0;
    const changes = [this.#state.switchTo(generation), { key: APPLIED, value: slot }];
    const switched = this.#environment.storage.write(changes.concat(this.#moveFloor(slot + 1)));
    // Nobody waits for that: whoever is behind has the next slots to fetch before its peers forget them too.
    switched.then(() => this.#state.delete(old, stale)).catch(this.#environment.fail);
    this.#apply();
    for (const watcher of this.#watchers) watcher();
  }

  /** Until the last write the applied slot is not there: a start after a crash is the first one again. */
  async #storeInitialState(): Promise<void> {
    const generation = await this.#state.write(this.#machine.snapshot());
    this.#machine.takeChanges();
    await this.#environment.storage.write([
      this.#state.switchTo(generation),
      { key: APPLIED, value: this.#applied },
    ]);
  }

  #apply(): void {
    while (this.#log.get(this.#applied + 1) !== undefined) {
      const changes = this.#applySome(this.#options.pieceSlots);
      if (changes.length > 0) this.#environment.storage.defer(changes);
    }
  }

  /** Applies what is contiguous, so many slots at most, and gives what is to be stored of that, in one write. */
  #applySome(slots: number): Change[] {
    const changes: Change[] = [];
    const upTo = this.#applied + slots;
    try {
      for (let slot = this.#applied + 1; slot <= upTo; slot++) {
        const value = this.#log.get(slot);
        if (value === undefined) break;
        this.#applied = slot;
        this.#unstored += sizeOf(value);
        changes.push(...this.#log.changesOnApply(slot));
        if (value.command !== null)
          this.#settle(value.id, this.#machine.apply(value.command as Command, slot));
        this.#environment.trace(() => ({ kind: 'applied', slot, value: value.id }));
        if (this.#unstored > CHECKPOINT_CHARACTERS) break;
      }
      const isDue = this.#applied - this.#checkpoint >= this.#options.checkpointSlots;
      if (!isDue && this.#unstored <= CHECKPOINT_CHARACTERS) return changes;
      changes.push(...this.#log.changesOnCheckpoint(this.#applied));
      this.#checkpoint = this.#applied;
      this.#unstored = 0;
      const floor = this.#log.nextFloor(this.#applied, this.#offers.inUse);
      return changes.concat(this.#stateChanges(), floor > this.#log.floor ? this.#moveFloor(floor) : []);
    } catch (error) {
      // The state has moved on and its changes are lost: what is stored from here on would not fit.
      throw new InvariantViolation('a chosen command could not be applied', { cause: error });
    }
  }

  #stateChanges(): Change[] {
    const changes = this.#state.changes(this.#machine.takeChanges());
    changes.push({ key: APPLIED, value: this.#applied });
    return changes;
  }

  /** A value that was chosen twice had its effect the first time; of the second one the machine may not know that any more. */
  #settle(id: string, result: Result): void {
    if (this.#expected.has(id) && this.#expected.get(id) === undefined) this.#expected.set(id, { result });
  }

  #moveFloor(floor: Slot): Change[] {
    this.#offers.dropIdle();
    return [{ key: FLOOR, value: floor }, ...this.#log.drop(floor), ...this.#truncateVotes(floor)];
  }
}

function keysOf(records: readonly StateRecord[]): string[] {
  return records.map(([key]) => key);
}
