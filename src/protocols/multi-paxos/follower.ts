import { NO_BALLOT, compareBallots, type Ballot, type ServerId, type Slot } from '../../core/ballot';
import type { Cancel, Environment } from '../../core/environment';
import type { Value } from '../log/messages';
import type { Entry, Vote } from './messages';

export interface FollowerOptions {
  /** How long a chosen slot may stay unknown here before the peers are asked for it. */
  readonly gapMs: number;
  /** A leader that was silent for so long is perhaps none any more. */
  readonly leaderSilenceMs: number;
}

/** What the follower needs of its own learner. */
export interface ChosenSlots {
  readonly applied: Slot;
  learnAll(entries: Iterable<{ slot: Slot; value: Value }>, chosenBy?: Ballot): void;
}

/**
 * What this server knows of the leader: its ballot, when it was heard last, and up to where it says that slots are
 * chosen. No claim of a lower ballot counts once a higher one was heard.
 */
export class Follower {
  readonly #environment: Environment;
  readonly #learner: ChosenSlots;
  readonly #voteIn: (slot: Slot) => Vote | undefined;
  readonly #repair: (target: Slot) => Promise<void>;
  readonly #options: FollowerOptions;
  readonly #watchers = new Set<() => void>();
  #ballot: Ballot = NO_BALLOT;
  #heardAt = -Infinity;
  #chosenUpTo: Slot = 0;
  #cancelGap: Cancel | undefined;
  #stopped = false;

  constructor(parts: {
    environment: Environment;
    learner: ChosenSlots;
    /** The own acceptor's vote. */
    voteIn: (slot: Slot) => Vote | undefined;
    /** Learns from the peers what is chosen up to there. */
    repair: (target: Slot) => Promise<void>;
    options: FollowerOptions;
  }) {
    this.#environment = parts.environment;
    this.#learner = parts.learner;
    this.#voteIn = parts.voteIn;
    this.#repair = parts.repair;
    this.#options = parts.options;
  }

  /** The highest ballot that anybody led under, as far as this server knows. */
  get ballot(): Ballot {
    return this.#ballot;
  }

  /** Who led last; undefined if nobody did. */
  get leader(): ServerId | undefined {
    return this.#ballot.round === 0 ? undefined : this.#ballot.server;
  }

  /** Whether the leader was heard lately. */
  get hearsLeader(): boolean {
    return this.silentMs < this.#options.leaderSilenceMs;
  }

  /** How long ago the leader was heard, in milliseconds. */
  get silentMs(): number {
    return this.#environment.clock.now() - this.#heardAt;
  }

  /** The leader of `ballot` was heard. All slots up to `chosenUpTo` are chosen, with its own values where it proposed any. */
  heard(ballot: Ballot, chosenUpTo: Slot): void {
    const comparison = compareBallots(ballot, this.#ballot);
    if (comparison < 0) return;
    const isNews = comparison > 0 || !this.hearsLeader;
    this.#heardAt = this.#environment.clock.now();
    if (comparison > 0) {
      this.#ballot = ballot;
      this.#chosenUpTo = 0;
      this.#environment.trace(() => ({ kind: 'followed', ballot }));
    }
    this.#chosenUpTo = Math.max(this.#chosenUpTo, chosenUpTo);
    this.#learn();
    if (isNews) for (const watcher of [...this.#watchers]) watcher();
  }

  /** Calls `watcher` whenever another leader is heard than before, or the same again after a silence, until cancelled. */
  watch(watcher: () => void): Cancel {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelGap?.();
  }

  /**
   * A chosen slot holds what this server voted for only if the vote is of the leader's own ballot: one ballot has one
   * value in a slot. A vote of an older ballot may have lost; then the peers are asked.
   */
  #learn(): void {
    const entries: Entry[] = [];
    for (let slot = this.#learner.applied + 1; slot <= this.#chosenUpTo; slot++) {
      const vote = this.#voteIn(slot);
      if (vote === undefined || compareBallots(vote.ballot, this.#ballot) !== 0) break;
      entries.push({ slot, value: vote.value });
    }
    if (entries.length > 0) this.#learner.learnAll(entries, this.#ballot);
    if (this.#learner.applied < this.#chosenUpTo) this.#watchGap();
  }

  /** What is on its way arrives by itself, mostly. */
  #watchGap(): void {
    if (this.#stopped || this.#cancelGap !== undefined) return;
    const from = this.#learner.applied + 1;
    this.#cancelGap = this.#environment.clock.after(this.#options.gapMs, () => {
      this.#cancelGap = undefined;
      if (this.#learner.applied >= this.#chosenUpTo) return;
      if (this.#learner.applied + 1 > from) {
        this.#watchGap();
        return;
      }
      this.#environment.trace(() => ({ kind: 'gap', from, to: this.#chosenUpTo }));
      this.#repair(this.#chosenUpTo)
        .then(() => {
          this.#learn();
        })
        .catch(this.#environment.fail);
    });
  }
}
