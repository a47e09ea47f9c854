import type { ServerId, Slot } from '../../core/ballot';
import type { Cancel, Environment } from '../../core/environment';
import { CallError } from '../../core/errors';
import { gather } from '../../core/gather';
import type { Json } from '../../core/json';
import type { RoundTrip } from '../../core/round-trip';
import type { Learner } from './learner';
import type { LearnerService } from './messages';
import { fetchSnapshot } from './snapshot';

export interface CatchUpOptions {
  /** How long a hole below a known slot may stay before it is looked into, at least. */
  readonly gapMs: number;
  /** Pause between two looks at how far the peers are. */
  readonly gossipMs: number;
  readonly resendMs: number;
  /** The most holes that are filled at once. */
  readonly fillSlots: number;
}

interface Position {
  readonly applied: Slot;
  readonly highestChosen: Slot;
}

/**
 * Makes good whatever a learner missed [Paxos Made Simple, 2.3 and 3]: it asks the peers for chosen values, takes a
 * snapshot where they no longer keep them, and has a slot decided by Paxos itself where nobody knows.
 */
export class CatchUp<Command extends Json, Result> {
  readonly #environment: Environment;
  readonly #learner: Learner<Command, Result>;
  readonly #peers: ReadonlyMap<ServerId, LearnerService>;
  readonly #roundTrip: RoundTrip;
  readonly #options: CatchUpOptions;
  readonly #fill: (slot: Slot) => Promise<void>;
  readonly #highestAccepted: () => Slot;
  readonly #silentSince = new Map<ServerId, number>();
  #repairing: Promise<void> | undefined;
  #target: Slot = 0;
  /** Answers of peers so far, and pieces of their states that were stored. */
  #progress = 0;
  /** What is under way with a peer. */
  readonly #fetching = new Map<ServerId, Promise<void>>();
  /** The end of the snapshot that is being fetched or installed; never rejects. */
  #snapshot: Promise<void> | undefined;
  #cancelGap: Cancel | undefined;
  #cancelGossip: Cancel | undefined;
  #stopped = false;

  constructor(parts: {
    environment: Environment;
    learner: Learner<Command, Result>;
    peers: ReadonlyMap<ServerId, LearnerService>;
    roundTrip: RoundTrip;
    options: CatchUpOptions;
    /** Has the slot decided: by the no-op, if nothing else was voted for. */
    fill: (slot: Slot) => Promise<void>;
    /** The highest slot that the own acceptor voted in. */
    highestAccepted: () => Slot;
  }) {
    this.#environment = parts.environment;
    this.#learner = parts.learner;
    this.#peers = parts.peers;
    this.#roundTrip = parts.roundTrip;
    this.#options = parts.options;
    this.#fill = parts.fill;
    this.#highestAccepted = parts.highestAccepted;
  }

  start(): void {
    this.#learner.watch(() => {
      this.#watchGap();
    });
    this.#scheduleGossip();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelGap?.();
    this.#cancelGossip?.();
  }

  /** Works until all slots up to `target` are applied, or no way to get further is left for now. */
  async repair(target: Slot): Promise<void> {
    this.#target = Math.max(this.#target, target);
    this.#repairing ??= this.#repairToTarget().finally(() => {
      this.#repairing = undefined;
    });
    await this.#repairing;
  }

  #scheduleGossip(): void {
    if (this.#stopped) return;
    const { clock, random } = this.#environment;
    this.#cancelGossip = clock.after(this.#options.gossipMs * (0.5 + random.float()), () => {
      this.#gossip().then(() => {
        this.#scheduleGossip();
      }, this.#environment.fail);
    });
  }

  /** Repairs a lost last announcement, for which no later slot asks; also after its proposer died. */
  async #gossip(): Promise<void> {
    const applied = this.#learner.applied;
    const voted = this.#highestAccepted();
    const positions = await this.#positions();
    const known = Math.max(0, ...[...(positions?.values() ?? [])].map((position) => position.highestChosen));
    // A server that moves along needs no help, unless the others are far ahead.
    const isStuck = this.#learner.applied === applied;
    const target = isStuck ? Math.max(known, voted) : known - this.#options.fillSlots;
    if (target > this.#learner.applied) await this.repair(target);
  }

  #positions(): Promise<ReadonlyMap<ServerId, Position> | undefined> {
    const resendMs = Math.max(this.#options.resendMs, this.#roundTrip.patienceMs);
    return gather<Position, ReadonlyMap<ServerId, Position>>({
      members: this.#environment.members,
      clock: this.#environment.clock,
      resendMs,
      // Longer than the first pause, however long that has become: those who answer by then are all there are.
      deadlineMs: this.#options.gossipMs + 2 * resendMs,
      ask: (member) => (this.#peers.get(member) ?? this.#learner).position({}),
      // What anybody knows to be chosen is chosen: no quorum is needed.
      decide: (replies, resends) => {
        const isEveryone = replies.size === this.#environment.members.length;
        return isEveryone || (resends > 0 && replies.size > 1) ? replies : undefined;
      },
    });
  }

  #watchGap(): void {
    if (
      this.#stopped ||
      this.#cancelGap !== undefined ||
      this.#learner.highestChosen <= this.#learner.applied
    )
      return;
    const from = this.#learner.applied + 1;
    const gapMs = Math.max(this.#options.gapMs, 2 * this.#roundTrip.patienceMs);
    const delayMs = gapMs * (1 + this.#environment.random.float());
    this.#cancelGap = this.#environment.clock.after(delayMs, () => {
      this.#cancelGap = undefined;
      const { applied, highestChosen } = this.#learner;
      if (applied + 1 !== from || highestChosen <= applied) {
        this.#watchGap();
        return;
      }
      this.#environment.trace(() => ({ kind: 'gap', from, to: highestChosen }));
      this.repair(highestChosen).then(() => {
        this.#watchGap();
      }, this.#environment.fail);
    });
  }

  async #repairToTarget(): Promise<void> {
    while (!this.#stopped && this.#learner.applied < this.#target) {
      const before = this.#learner.applied;
      for (const peer of this.#peersByPromise()) {
        await this.#fetchWithPatience(peer);
        if (this.#learner.applied >= this.#target) return;
      }
      if (this.#learner.applied === before) await this.#fillHoles();
      if (this.#learner.applied === before) return;
    }
  }

  /** Lets one peer help for as long as something comes from it. What comes later is welcome still. */
  async #fetchWithPatience(peer: ServerId): Promise<void> {
    const fetching = this.#fetching.get(peer) ?? this.#fetchFrom(peer);
    this.#fetching.set(peer, fetching);
    // It may go on, and fail, when nobody waits for it any more.
    fetching.catch(this.#environment.fail);
    const over = fetching.then(() => true);
    for (let isOver = false, before = -1; !isOver && this.#progress > before;) {
      before = this.#progress;
      const pauseMs = Math.max(this.#options.resendMs, 2 * this.#roundTrip.patienceMs);
      isOver = await Promise.race([over, this.#environment.clock.sleep(pauseMs).then(() => false)]);
    }
  }

  async #fetchFrom(peer: ServerId): Promise<void> {
    try {
      await this.#fetch(peer);
      this.#silentSince.delete(peer);
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      this.#silentSince.set(peer, this.#environment.clock.now());
    } finally {
      this.#fetching.delete(peer);
    }
  }

  /** Takes from one peer whatever it knows beyond the own state. */
  async #fetch(peer: ServerId): Promise<void> {
    const learner = this.#peers.get(peer);
    if (learner === undefined) return;
    while (!this.#stopped) {
      const from = this.#learner.applied + 1;
      const { floor, entries } = await learner.chosen({ from });
      this.#progress++;
      if (floor <= from) this.#learner.learnAll(entries);
      else if (!(await this.#fetchSnapshot(learner))) continue;
      const to = this.#learner.applied;
      if (to < from) return;
      this.#environment.trace(() => ({
        kind: 'caught-up',
        from,
        to,
        peer,
        by: floor > from ? 'snapshot' : 'entries',
      }));
    }
  }

  /**
   * Takes the peer's state, and tells whether it was this peer's. One at a time, since each is a whole state in memory and
   * on disk: who comes second waits for the first, which ends when a call is not answered in time, if not before. It then
   * asks anew: the first may have failed.
   */
  async #fetchSnapshot(learner: LearnerService): Promise<boolean> {
    if (this.#snapshot !== undefined) {
      await this.#snapshot;
      return false;
    }
    const progress = (): void => {
      this.#progress++;
    };
    const source = { learner, clock: this.#environment.clock, resendMs: this.#options.resendMs };
    const installed = fetchSnapshot(source, progress).then((snapshot) =>
      snapshot === undefined ? undefined : this.#learner.install(snapshot.slot, snapshot.records, progress),
    );
    const over = (): void => {
      this.#snapshot = undefined;
    };
    this.#snapshot = installed.then(over, over);
    await installed;
    return true;
  }

  async #fillHoles(): Promise<void> {
    const holes: Slot[] = [];
    for (
      let slot = this.#learner.applied + 1;
      slot <= this.#target && holes.length < this.#options.fillSlots;
      slot++
    )
      if (!this.#learner.knows(slot)) holes.push(slot);
    await Promise.all(holes.map((slot) => this.#fill(slot)));
  }

  /** In random order, but those that failed to answer lately come last: each would cost a timeout. */
  #peersByPromise(): ServerId[] {
    const order = [...this.#peers.keys()].map((peer) => ({
      peer,
      rank: (this.#silentSince.get(peer) ?? -1) + this.#environment.random.float(),
    }));
    return order.sort((a, b) => a.rank - b.rank).map(({ peer }) => peer);
  }
}
