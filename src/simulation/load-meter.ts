/** What the clients and servers of a run had to do: how often, and how full batches and windows were. */
export class LoadMeter {
  readonly #counts = new Map<string, number>();
  readonly #peaks = new Map<string, number>();
  /** Entries that one accept may hold. */
  mostEntries = Infinity;

  get counts(): Record<string, number> {
    return Object.fromEntries(this.#counts);
  }

  /** The highest value that each was seen at. */
  get peaks(): Record<string, number> {
    return Object.fromEntries(this.#peaks);
  }

  count(kind: string): void {
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1);
  }

  peak(kind: string, value: number): void {
    if (value > (this.#peaks.get(kind) ?? 0)) this.#peaks.set(kind, value);
  }

  /** A server calls another one. */
  called(method: string, params: unknown): void {
    if (method !== 'acceptor.accept') return;
    const { entries } = params as { readonly entries?: readonly unknown[] };
    if (entries === undefined) return;
    this.peak('entries in one accept', entries.length);
    if (entries.length > 1) this.count('accept with several entries');
    if (entries.length >= this.mostEntries && this.mostEntries > 1) this.count('accept with all it may hold');
  }
}
