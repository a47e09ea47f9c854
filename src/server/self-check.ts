import { closeSync, openSync } from 'node:fs';
import { devNull } from 'node:os';
import { performance } from 'node:perf_hooks';

/** Blocked for longer than this, a leader can be replaced: the silence after which followers elect another. */
const BLOCKED_MS = 600;
/** How long a server that was blocked calls itself not ready. */
const LATELY_MS = 3000;
const TICK_MS = 100;
const PROBE_EVERY_TICKS = 5;

export interface SelfCheckParts {
  /** Whether the port is bound. */
  readonly isListening: () => boolean;
  /** The process has no descriptor left for another connection. */
  readonly onExhausted: () => void;
  /** The event loop was blocked for so long. */
  readonly onBlocked: (blockedMs: number) => void;
}

/** What a server finds out about itself: whether it can accept connections, and whether its event loop runs. */
export class SelfCheck {
  readonly #parts: SelfCheckParts;
  #timer: NodeJS.Timeout | undefined;
  #ticks = 0;
  #tickedAt = 0;
  #blockedUntil = -Infinity;
  #hasDescriptors = true;
  #droppedAt = -Infinity;
  /** Times that the event loop was blocked for longer than the election time. */
  blocks = 0;
  /** The longest block, in milliseconds. */
  longestBlockMs = 0;

  constructor(parts: SelfCheckParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#tickedAt = performance.now();
    this.#timer = setInterval(() => {
      this.#tick();
    }, TICK_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** A connection was turned away for lack of room. */
  dropped(): void {
    this.#droppedAt = performance.now();
  }

  get isAccepting(): boolean {
    return (
      this.#parts.isListening() && this.#hasDescriptors && performance.now() - this.#droppedAt > LATELY_MS
    );
  }

  /** Why the server cannot serve, as a sentence; undefined when it can. */
  get trouble(): string | undefined {
    if (!this.isAccepting) return 'the server cannot accept connections';
    return performance.now() < this.#blockedUntil
      ? `the event loop was blocked for more than ${BLOCKED_MS} ms`
      : undefined;
  }

  #tick(): void {
    const now = performance.now();
    const blockedMs = now - this.#tickedAt - TICK_MS;
    this.#tickedAt = now;
    this.longestBlockMs = Math.max(this.longestBlockMs, blockedMs);
    if (blockedMs > BLOCKED_MS) {
      this.blocks++;
      this.#blockedUntil = now + LATELY_MS;
      this.#parts.onBlocked(blockedMs);
    }
    if (this.#ticks++ % PROBE_EVERY_TICKS === 0) this.#probe();
  }

  /** The operating system closes connections that find no descriptor without a word to this process. */
  #probe(): void {
    try {
      closeSync(openSync(devNull, 'r'));
      this.#hasDescriptors = true;
    } catch {
      this.#hasDescriptors = false;
      this.#parts.onExhausted();
    }
  }
}
