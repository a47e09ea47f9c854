/** A peer that was silent for longer counts as unreachable. Peers exchange their positions about twice a second. */
const SILENCE_MS = 2000;

/** What was last heard of a peer. */
export interface PeerHealth {
  readonly reachable: boolean;
  readonly roundTripMs: number | null;
  readonly lastAnswerMs: number | null;
}

/** Whether a peer can be reached, by how the latest exchanges with it ended. */
export class HealthWatch {
  readonly #nowMs: () => number;
  #lastAnswer: number | null = null;
  #roundTripMs: number | null = null;
  #hasFailed = true;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** The peer has answered, this long after it was asked. */
  answered(durationMs: number): void {
    this.#lastAnswer = this.#nowMs();
    this.#roundTripMs = durationMs;
    this.#hasFailed = false;
  }

  /** The peer was asked, and no answer came. */
  failed(): void {
    this.#hasFailed = true;
  }

  view(): PeerHealth {
    const lastAnswerMs = this.#lastAnswer === null ? null : this.#nowMs() - this.#lastAnswer;
    const isSilent = lastAnswerMs === null || lastAnswerMs > SILENCE_MS;
    return { reachable: !this.#hasFailed && !isSilent, roundTripMs: this.#roundTripMs, lastAnswerMs };
  }
}
