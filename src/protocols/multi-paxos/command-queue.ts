import type { Cancel, Clock } from '../../core/environment';
import type { Value } from '../log/messages';
import type { CommandReply } from './messages';
import { roundLength, type RoundLimits } from './round-length';

export interface CommandQueueOptions extends RoundLimits {
  /** Rounds of phase 2 under way at a time. */
  readonly roundsInFlight: number;
  /** While a round is under way the next one waits for its end, but not longer than this after its start. */
  readonly roundSpacingMs: number;
  /** Commands that wait; more are refused. Those of each server are bounded in size where they come in. */
  readonly maxQueued: number;
}

export interface Proposal {
  readonly value: Value;
  readonly settle: (reply: CommandReply) => void;
}

/**
 * Commands that wait for a slot, and when they get it. One round after the other makes the fewest messages, each with
 * all that came meanwhile: what a message costs is shared by most. That is Nagle's rule, and as with his, waiting for
 * an answer from far away would be worse: there, several rounds are under way [Paxos Made Simple, 3].
 */
export class CommandQueue {
  readonly #clock: Clock;
  readonly #options: CommandQueueOptions;
  readonly #start: (proposals: readonly Proposal[]) => void;
  #waiting: Proposal[] = [];
  #rounds = 0;
  /** Defined while the last round is too young for another one beside it. */
  #cancelSpacing: Cancel | undefined;
  #isScheduled = false;

  /** `start` proposes what it is given, and tells the start and the end of that round. */
  constructor(parts: {
    clock: Clock;
    options: CommandQueueOptions;
    start: (proposals: readonly Proposal[]) => void;
  }) {
    this.#clock = parts.clock;
    this.#options = parts.options;
    this.#start = parts.start;
  }

  get length(): number {
    return this.#waiting.length;
  }

  get isFull(): boolean {
    return this.#waiting.length >= this.#options.maxQueued;
  }

  /** The proposal starts in a moment at the earliest, so that commands that arrive together travel together. */
  add(proposal: Proposal): void {
    this.#waiting.push(proposal);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    void Promise.resolve().then(() => {
      this.#isScheduled = false;
      this.#pump();
    });
  }

  roundStarted(): void {
    this.#rounds++;
    this.#cancelSpacing?.();
    this.#cancelSpacing = this.#clock.after(this.#options.roundSpacingMs, () => {
      this.#cancelSpacing = undefined;
      this.#pump();
    });
  }

  roundEnded(): void {
    this.#rounds--;
    this.#pump();
  }

  /** Empties the queue and gives what was in it. */
  clear(): readonly Proposal[] {
    return this.#waiting.splice(0);
  }

  #pump(): void {
    while (this.#waiting.length > 0 && this.#mayStart())
      this.#start(this.#waiting.splice(0, roundLength(this.#waiting, 0, this.#options)));
  }

  #mayStart(): boolean {
    if (this.#rounds === 0) return true;
    return this.#rounds < this.#options.roundsInFlight && this.#cancelSpacing === undefined;
  }
}
