import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { DamagedData } from './damaged-data';

/** LMDB's file format, as in mdb.c of the release in use: a page begins with its number, a transaction, and its flags. */
const PAGE_HEADER = 24;
const FLAGS_AT = 18;
const NODE_HEADER = 8;
const Flag = { branch: 1, leaf: 2, overflow: 4, meta: 8 } as const;
/** A leaf's flag: the value lies on pages of its own. */
const BIG_DATA = 1;
const MAGIC = 0xbeefc0de;
const FORMAT = 2;
/** Of a meta page, as far as it is looked at. */
const META_END = 160;
const LARGEST_MAP = 2 ** 46;
const NO_PAGE = 2 ** 64 - 1;

/** One of the two trees of a file: where it begins, and what it holds. */
interface Tree {
  readonly root: number;
  readonly depth: number;
  /** Branch pages, leaf pages, pages of large values, entries. */
  readonly counts: readonly number[];
}

interface Meta {
  /** What never changes: format, page size, and the kinds of the trees. */
  readonly constants: Buffer;
  readonly pageBytes: number;
  readonly free: Tree;
  readonly main: Tree;
  readonly lastPage: number;
  readonly transaction: number;
}

/** Pages that follow each other. */
interface Span {
  readonly first: number;
  readonly pages: number;
}

type OnEntry = (key: Buffer, value: Buffer) => void;

/**
 * Reads all of an LMDB file, page by page, before LMDB maps it: what LMDB finds missing in a mapped file ends the process by
 * a signal, and what it finds changed it believes. `onEntry` gets each entry of the main tree.
 *
 * Throws DamagedData. An empty file is a new one.
 */
export function checkLmdbFile(path: string, onEntry: OnEntry): void {
  const file = openSync(path, 'r');
  try {
    const size = fstatSync(file).size;
    if (size > 0) new Check(file, size, onEntry).run();
  } catch (error) {
    if (!(error instanceof Wrong)) throw error;
    throw new DamagedData(`${path} is damaged: ${error.message}`, { cause: error });
  } finally {
    closeSync(file);
  }
}

class Wrong extends Error {}

class Check {
  readonly #file: number;
  readonly #size: number;
  readonly #onEntry: OnEntry;
  /** Pages that a tree has, so that none has two uses. */
  readonly #used = new Set<number>();
  #meta!: Meta;
  /** As in Tree. */
  #counts = [0, 0, 0, 0];
  /** The last key so far, and the least that a branch page allows for the next. */
  #lastKey: Buffer | undefined;
  #leastKey: Buffer | undefined;

  constructor(file: number, size: number, onEntry: OnEntry) {
    this.#file = file;
    this.#size = size;
    this.#onEntry = onEntry;
  }

  run(): void {
    const first = metaIn(this.#read(0, META_END));
    const second = metaIn(this.#read(first.pageBytes, META_END));
    if (!second.constants.equals(first.constants)) throw new Wrong('its two meta pages differ');
    // Transactions take turns with them. What came before the last one is an older state, and must not pass for the newest.
    const [even, odd] = [first.transaction, second.transaction];
    const isNew = even === 0 && odd === 0;
    if (!isNew && (even % 2 !== 0 || Math.abs(even - odd) !== 1))
      throw new Wrong('its two meta pages are not of transactions that follow each other');
    this.#meta = second.transaction > first.transaction ? second : first;
    this.#refuseOlderState(this.#meta);
    const free: Span[] = [];
    this.#tree(this.#meta.main, (key, value) => {
      this.#refuseOrder(key);
      this.#onEntry(key, value);
    });
    this.#lastKey = this.#leastKey = undefined;
    let last = 0;
    this.#tree(this.#meta.free, (key, value) => {
      // Each list has the number of the transaction that gave its pages up.
      const transaction = key.length === 8 ? numberAt(key, 0) : 0;
      if (transaction <= last || transaction > this.#meta.transaction)
        throw new Wrong('its free lists have no order');
      last = transaction;
      for (const span of freeSpansIn(value)) free.push(span);
    });
    for (const { first, pages } of free) this.#claimAll(first, pages);
  }

  /** Every transaction writes the root anew, so the number of another one on it says that this is not the newest state. */
  #refuseOlderState({ main: { root }, pageBytes, transaction }: Meta): void {
    if (root !== NO_PAGE && numberAt(this.#read(root * pageBytes, PAGE_HEADER), 8) !== transaction)
      throw new Wrong('its newest meta page is not of its newest transaction');
  }

  #tree({ root, depth, counts }: Tree, onEntry: OnEntry): void {
    this.#counts = [0, 0, 0, 0];
    if (root !== NO_PAGE) this.#page(root, depth, onEntry);
    if (this.#counts.join() !== counts.join())
      throw new Wrong(`it has ${this.#counts.join('+')} pages and entries, not ${counts.join('+')}`);
  }

  /** LMDB finds a key by the order of all keys. */
  #refuseOrder(key: Buffer): void {
    if (key.length === 0) throw new Wrong('it has an empty key');
    if (this.#lastKey !== undefined && this.#lastKey.compare(key) >= 0)
      throw new Wrong('its keys have no order');
    if (this.#leastKey !== undefined && this.#leastKey.compare(key) > 0)
      throw new Wrong('its keys have no order');
    this.#lastKey = key;
  }

  /** A branch page says that all keys from here on are this one or later ones; its first node says nothing. */
  #pass(separator: Buffer): void {
    if (this.#lastKey !== undefined && this.#lastKey.compare(separator) >= 0)
      throw new Wrong('its keys have no order');
    this.#leastKey = separator;
  }

  #count(what: number, more: number): void {
    this.#counts[what] = (this.#counts[what] ?? 0) + more;
  }

  /** A page of a tree, and all below it; at height 1 are the leaves. */
  #page(number: number, height: number, onEntry: OnEntry): void {
    const { pageBytes } = this.#meta;
    const page = this.#use(number, 1, height > 1 ? Flag.branch : Flag.leaf);
    this.#count(height > 1 ? 0 : 1, 1);
    // Counted from the end of the header.
    const lower = PAGE_HEADER + page.readUInt16LE(20);
    const upper = PAGE_HEADER + page.readUInt16LE(22);
    if (lower > upper || upper > pageBytes || lower % 2 !== 0) throw new Wrong(`page ${number} has no order`);
    for (let at = PAGE_HEADER; at < lower; at += 2) {
      const node = PAGE_HEADER + page.readUInt16LE(at);
      const key = node + NODE_HEADER;
      const data = key + (node + NODE_HEADER <= pageBytes ? page.readUInt16LE(node + 6) : pageBytes);
      if (node < upper || data > pageBytes) throw new Wrong(`page ${number} has no order`);
      if (height > 1) {
        if (at > PAGE_HEADER) this.#pass(page.subarray(key, data));
        const child = page.readUInt32LE(node) + page.readUInt16LE(node + 4) * 2 ** 32;
        this.#page(child, height - 1, onEntry);
        continue;
      }
      this.#count(3, 1);
      const value = this.#value(page, node, data);
      if (value === undefined) throw new Wrong(`page ${number} has no order`);
      onEntry(page.subarray(key, data), value);
    }
  }

  /** Undefined: the page cannot hold it. */
  #value(page: Buffer, node: number, data: number): Buffer | undefined {
    const flags = page.readUInt16LE(node + 4);
    const length = page.readUInt32LE(node);
    if (flags === 0) return data + length <= page.length ? page.subarray(data, data + length) : undefined;
    if (flags !== BIG_DATA || data + PAGE_HEADER > page.length) return undefined;
    const first = numberAt(page, data);
    // A value that became shorter in the transaction that wrote it keeps all pages of the longer one.
    const pages = numberAt(page, data + 16);
    if (pages < Math.ceil((PAGE_HEADER + length) / this.#meta.pageBytes)) return undefined;
    const big = this.#use(first, pages, Flag.overflow);
    this.#count(2, pages);
    if (big.readUInt32LE(20) !== pages) return undefined;
    return big.subarray(PAGE_HEADER, PAGE_HEADER + length);
  }

  #use(number: number, pages: number, flag: number): Buffer {
    const { pageBytes, transaction } = this.#meta;
    this.#claimAll(number, pages);
    const bytes = this.#read(number * pageBytes, pages * pageBytes);
    // A page of a transaction to come LMDB would take for its own, and change in place.
    if (
      numberAt(bytes, 0) !== number ||
      numberAt(bytes, 8) > transaction ||
      bytes.readUInt16LE(FLAGS_AT) !== flag
    )
      throw new Wrong(`page ${number} is not what it should be`);
    return bytes;
  }

  #claimAll(first: number, pages: number): void {
    const last = first + pages - 1;
    // The first two are the meta pages. A number may be any: nothing of that many pages is done before it is known to be right.
    if (first < 2 || last > this.#meta.lastPage)
      throw new Wrong(`there is no page ${first < 2 ? first : last}`);
    for (let page = first; page <= last; page++) {
      if (this.#used.has(page)) throw new Wrong(`page ${page} has two uses`);
      this.#used.add(page);
    }
  }

  #read(position: number, length: number): Buffer {
    if (position + length > this.#size) throw new Wrong(`it was cut at byte ${this.#size}`);
    const bytes = Buffer.allocUnsafe(length);
    for (let read = 0; read < length;) {
      const more = readSync(this.#file, bytes, read, length - read, position + read);
      if (more === 0) throw new Wrong('it became shorter while it was read');
      read += more;
    }
    return bytes;
  }
}

function numberAt(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 2 ** 32;
}

function metaIn(page: Buffer): Meta {
  const isMeta =
    page.readUInt16LE(FLAGS_AT) === Flag.meta &&
    page.readUInt32LE(PAGE_HEADER) === MAGIC &&
    page.readUInt32LE(PAGE_HEADER + 4) === FORMAT;
  const pageBytes = page.readUInt32LE(48);
  const isSize = pageBytes >= 256 && pageBytes <= 65_536 && Number.isInteger(Math.log2(pageBytes));
  if (!isMeta || !isSize) throw new Wrong('it is no data file');
  const lastPage = numberAt(page, 144);
  const mapBytes = numberAt(page, 40);
  if (mapBytes < (lastPage + 1) * pageBytes || mapBytes > LARGEST_MAP)
    throw new Wrong('its size is not its own');
  const tree = (at: number): Tree => ({
    // The number that stands for no page is too large to be exact.
    root: page.readBigUInt64LE(at + 40) === 2n ** 64n - 1n ? NO_PAGE : numberAt(page, at + 40),
    depth: page.readUInt16LE(at + 6),
    counts: [8, 16, 24, 32].map((field) => numberAt(page, at + field)),
  });
  return {
    constants: Buffer.concat([page.subarray(24, 40), page.subarray(48, 54), page.subarray(96, 102)]),
    pageBytes,
    free: tree(48),
    main: tree(96),
    lastPage,
    transaction: numberAt(page, 152),
  };
}

/** A list of its own length and that many words: a page, 0, or how many pages begin at the next word, as a negative number. */
function* freeSpansIn(list: Buffer): Generator<Span> {
  const words = list.length / 8 - 1;
  if (!(Number.isInteger(words) && words >= 0) || numberAt(list, 0) > words)
    throw new Wrong('its free list has no order');
  const end = (numberAt(list, 0) + 1) * 8;
  for (let at = 8; at < end; at += 8) {
    const word = Number(list.readBigInt64LE(at));
    if (word > 0) yield { first: word, pages: 1 };
    if (word >= 0) continue;
    at += 8;
    if (at === end) throw new Wrong('its free list has no order');
    yield { first: numberAt(list, at), pages: -word };
  }
}
