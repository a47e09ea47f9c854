import type { Random } from '../../../../src/core/environment';

/** The files of a data folder by name; undefined: missing. */
export type Folder = Readonly<Record<string, Buffer | undefined>>;

export const DATA_FILES = ['journal-0.log', 'journal-1.log', 'synod.mdb'] as const;
export const LOCK_FILES = ['synod.lock', 'synod.mdb-lock'] as const;

interface Damage {
  readonly name: string;
  /** What becomes of a file. `older` is its own state at an earlier time, `others` that of another server. */
  readonly to: (
    whole: Buffer,
    random: Random,
    copies: { readonly older: Buffer; readonly others: Buffer },
  ) => Buffer | undefined;
}

function changed(whole: Buffer, change: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.from(whole);
  change(bytes);
  return bytes;
}

/** Where the used part of a file ends: behind it are zeros. */
function endOf(whole: Buffer): number {
  let end = whole.length;
  while (end > 1 && whole[end - 1] === 0) end--;
  return end;
}

export const DAMAGES: readonly Damage[] = [
  { name: 'missing', to: () => undefined },
  { name: 'empty', to: () => Buffer.alloc(0) },
  { name: 'one byte long', to: (whole) => whole.subarray(0, 1) },
  { name: 'half as long', to: (whole) => whole.subarray(0, whole.length / 2) },
  { name: 'cut anywhere', to: (whole, random) => whole.subarray(0, random.int(0, endOf(whole) - 1)) },
  {
    name: 'cut near its end',
    to: (whole, random) => whole.subarray(0, Math.max(0, endOf(whole) - random.int(1, 300))),
  },
  { name: 'all zero', to: (whole) => Buffer.alloc(whole.length) },
  {
    name: 'zero from somewhere on',
    to: (whole, random) => changed(whole, (bytes) => bytes.fill(0, random.int(0, endOf(whole) - 1))),
  },
  {
    name: 'zero near its end',
    to: (whole, random) =>
      changed(whole, (bytes) => bytes.fill(0, Math.max(0, endOf(whole) - random.int(1, 300)))),
  },
  {
    name: 'zero in one page',
    to: (whole, random) =>
      changed(whole, (bytes) => {
        const page = random.int(0, Math.floor(endOf(whole) / 4096)) * 4096;
        bytes.fill(0, page, Math.min(page + 4096, bytes.length));
      }),
  },
  {
    name: 'other in one bit',
    to: (whole, random) =>
      changed(whole, (bytes) => {
        const at = random.int(0, endOf(whole) - 1);
        bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << random.int(0, 7)), at);
      }),
  },
  {
    name: 'other in one bit near its end',
    to: (whole, random) =>
      changed(whole, (bytes) => {
        const at = Math.max(0, endOf(whole) - random.int(1, 300));
        bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << random.int(0, 7)), at);
      }),
  },
  {
    name: 'noise in one sector',
    to: (whole, random) =>
      changed(whole, (bytes) => {
        const sector = random.int(0, Math.floor(endOf(whole) / 512)) * 512;
        for (let at = sector; at < Math.min(sector + 512, bytes.length); at++)
          bytes.writeUInt8(random.int(0, 255), at);
      }),
  },
  { name: 'an older copy of itself', to: (_, __, { older }) => older },
  { name: "another server's", to: (_, __, { others }) => others },
];
