/** Somebody who holds bytes of a budget, until `release`. */
export interface Holder {
  /** Takes so many more. Others may have to give up theirs for it, or this one. */
  take(bytes: number): void;
  /** From here on it gives nothing up: its bytes are at work. */
  settle(): void;
  release(): void;
}

interface Entry {
  readonly owner: object;
  readonly giveUp: () => void;
  bytes: number;
}

/**
 * Bounds the bytes that all owners hold together, and each owner alone. Where there are too many, the holder that began
 * first gives up: who is slow on purpose keeps out nobody who is quick.
 */
export class ByteBudget {
  readonly #maxBytes: number;
  readonly #maxBytesOfOwner: number;
  /** Those that can give up, in the order in which they began. */
  readonly #unsettled = new Set<Entry>();
  readonly #ofOwners = new Map<object, number>();
  #bytes = 0;

  constructor(maxBytes: number, maxBytesOfOwner: number) {
    this.#maxBytes = maxBytes;
    this.#maxBytesOfOwner = maxBytesOfOwner;
  }

  /** Bytes held by all. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A holder of nothing yet. `giveUp` is called once at most; it holds nothing any more then. */
  open(owner: object, giveUp: () => void): Holder {
    const entry: Entry = { owner, giveUp, bytes: 0 };
    let isReleased = false;
    this.#unsettled.add(entry);
    return {
      take: (bytes) => {
        if (isReleased || !this.#unsettled.has(entry)) return;
        this.#add(entry, bytes);
        this.#makeRoom(entry);
      },
      settle: () => {
        this.#unsettled.delete(entry);
      },
      release: () => {
        if (isReleased) return;
        isReleased = true;
        this.#unsettled.delete(entry);
        this.#add(entry, -entry.bytes);
      },
    };
  }

  #makeRoom(newest: Entry): void {
    if ((this.#ofOwners.get(newest.owner) ?? 0) > this.#maxBytesOfOwner) this.#evict(newest);
    for (const entry of this.#unsettled) {
      if (this.#bytes <= this.#maxBytes) return;
      this.#evict(entry);
    }
  }

  #evict(entry: Entry): void {
    this.#unsettled.delete(entry);
    this.#add(entry, -entry.bytes);
    entry.giveUp();
  }

  #add(entry: Entry, bytes: number): void {
    entry.bytes += bytes;
    this.#bytes += bytes;
    const ofOwner = (this.#ofOwners.get(entry.owner) ?? 0) + bytes;
    if (ofOwner === 0) this.#ofOwners.delete(entry.owner);
    else this.#ofOwners.set(entry.owner, ofOwner);
  }
}
