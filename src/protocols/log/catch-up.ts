import type { ServerId, Slot } from '../../core/ballot';
import type { Cancel, Environment } from '../../core/environment';
import { CallError } from '../../core/errors';
import { gather } from '../../core/gather';
import type { Json } from '../../core/json';
import type { RoundTrip } from '../../core/round-trip';
import type { Learner } from './learner';
import type { LearnerService } from './messages';
import { KeptOffer, fetchSnapshot } from './snapshot';

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

/** What is asked of a peer at most: a snapshot comes only after the entries. */
type Help = 'entries' | 'snapshot';

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
  /** The lowest slot that each peer kept when it last said so. */
  readonly #floors = new Map<ServerId, Slot>();
  /** Peers that have a snapshot to give when the one that is being fetched is over. */
  readonly #next = new Set<ServerId>();
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
      await this.#askPeers('entries', this.#peersByPromise());
      // A snapshot is a whole state, however little is missing: only when nobody has the entries.
      const haveDropped = (peer: ServerId): boolean => (this.#floors.get(peer) ?? 0) > before + 1;
      if (this.#learner.applied === before)
        await this.#askPeers('snapshot', this.#peersByPromise().filter(haveDropped));
      if (this.#learner.applied === before) await this.#fillHoles();
      if (this.#learner.applied === before) return;
    }
  }

  /** One after the other, until the target is reached. */
  async #askPeers(most: Help, peers: readonly ServerId[]): Promise<void> {
    for (const peer of peers) {
      await this.#fetchWithPatience(peer, most);
      if (this.#learner.applied >= this.#target) return;
    }
  }

  /** Lets one peer help for as long as something comes from it. What comes later is welcome still. */
  async #fetchWithPatience(peer: ServerId, most: Help): Promise<void> {
    const { clock } = this.#environment;
    const fetched = this.#fetch(peer, most).then(
      () => {
        this.#silentSince.delete(peer);
        return true;
      },
      (error: unknown) => {
        if (!(error instanceof CallError)) throw error;
        this.#silentSince.set(peer, clock.now());
        return true;
      },
    );
    // It may go on, and fail, when nobody waits for it any more.
    fetched.catch(this.#environment.fail);
    for (let isOver = false, before = -1; !isOver && this.#progress > before;) {
      before = this.#progress;
      const pauseMs = Math.max(this.#options.resendMs, 2 * this.#roundTrip.patienceMs);
      isOver = await Promise.race([fetched, clock.sleep(pauseMs).then(() => false)]);
    }
  }

  /** Takes from one peer whatever it knows beyond the own state. */
  async #fetch(peer: ServerId, most: Help): Promise<void> {
    const learner = this.#peers.get(peer);
    if (learner === undefined) return;
    while (!this.#stopped) {
      const from = this.#learner.applied + 1;
      const { floor, entries } = await learner.chosen({ from });
      this.#progress++;
      this.#floors.set(peer, floor);
      if (floor <= from) this.#learner.learnAll(entries);
      else if (most === 'entries') return;
      else if (this.#snapshot === undefined) await this.#fetchSnapshot(learner);
      else if (await this.#waitForSnapshot(peer)) continue;
      else return;
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
   * Waits until the snapshot that is being fetched is over, as it is when a piece does not come in time, and tells whether
   * to ask the peer anew: once it is enough, however often the peer was asked meanwhile.
   */
  async #waitForSnapshot(peer: ServerId): Promise<boolean> {
    const isFirst = !this.#next.has(peer);
    this.#next.add(peer);
    await this.#snapshot;
    this.#next.delete(peer);
    return isFirst;
  }

  /** Takes the peer's state. One at a time, since each is a whole state in memory and on disk. */
  async #fetchSnapshot(learner: LearnerService): Promise<void> {
    const progress = (): void => {
      this.#progress++;
    };
    const { clock, fail } = this.#environment;
    const kept = new KeptOffer(learner, clock, fail);
    const source = { learner: kept, clock, resendMs: this.#options.resendMs };
    const stored = (): void => {
      progress();
      kept.use();
    };
    const installed = fetchSnapshot(source, progress).then((snapshot) =>
      snapshot === undefined ? undefined : this.#learner.install(snapshot.slot, snapshot.records, stored),
    );
    const over = (): void => {
      this.#snapshot = undefined;
    };
    this.#snapshot = installed.then(over, over);
    await installed;
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
