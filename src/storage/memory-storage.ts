import type { Change, Storage } from '../core/environment';
import type { Json } from '../core/json';

/** Keeps everything in memory: gone with the process. For `--ephemeral` and tests. */
export class MemoryStorage implements Storage {
  /** Never settles: memory does not fail a write. */
  readonly failed = new Promise<never>(() => undefined);
  readonly #entries = new Map<string, Json>();

  write(changes: readonly Change[]): Promise<void> {
    for (const { key, value } of changes) {
      if (value === undefined) this.#entries.delete(key);
      else this.#entries.set(key, value);
    }
    return Promise.resolve();
  }

  defer(changes: readonly Change[]): void {
    void this.write(changes);
  }

  read(prefix = ''): Iterable<readonly [string, Json]> {
    return [...this.#entries].filter(([key]) => key.startsWith(prefix)).sort(([a], [b]) => (a < b ? -1 : 1));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
