import {
  closeSync,
  constants,
  existsSync,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  writeSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import { promisify } from 'node:util';

const sync = promisify(fdatasync);

/** An open file. Each method throws, or rejects, with the error of the system. */
export interface OpenFile {
  readonly path: string;
  size(): number;
  /** All of it. */
  read(): Buffer;
  write(bytes: Uint8Array, position: number): void;
  truncate(size: number): void;
  /** Makes content and size durable; not the name of a new file, which is in its folder. */
  sync(): Promise<void>;
  syncNow(): void;
  close(): void;
}

/** What the journals need of the file system: a test puts a disk that loses power in its place. */
export interface Files {
  exists(path: string): boolean;
  /** Opens the file, or makes it. */
  open(path: string): OpenFile;
  /** Makes the names in the folder durable. */
  syncFolder(path: string): void;
}

class SystemFile implements OpenFile {
  readonly path: string;
  readonly #file: number;

  constructor(path: string) {
    this.path = path;
    this.#file = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
  }

  size(): number {
    return fstatSync(this.#file).size;
  }

  read(): Buffer {
    const bytes = Buffer.alloc(this.size());
    for (let read = 0; read < bytes.length;) {
      const more = readSync(this.#file, bytes, read, bytes.length - read, read);
      if (more === 0) throw new Error(`${this.path} became shorter while it was read`);
      read += more;
    }
    return bytes;
  }

  /** A disk that is almost full takes a part, and refuses the rest. */
  write(bytes: Uint8Array, position: number): void {
    for (let written = 0; written < bytes.length;)
      written += writeSync(this.#file, bytes, written, bytes.length - written, position + written);
  }

  truncate(size: number): void {
    ftruncateSync(this.#file, size);
  }

  sync(): Promise<void> {
    return sync(this.#file);
  }

  syncNow(): void {
    fdatasyncSync(this.#file);
  }

  close(): void {
    closeSync(this.#file);
  }
}

export const systemFiles: Files = {
  exists: existsSync,
  open: (path) => new SystemFile(path),
  syncFolder(path) {
    const opened = openSync(path, 'r');
    try {
      fsyncSync(opened);
    } finally {
      closeSync(opened);
    }
  },
};

/** Makes the folder, for its owner alone, so that it is still there after a power loss. */
export function makeFolder(path: string): void {
  const first = mkdirSync(path, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  const highest = dirname(resolve(first));
  for (let made = resolve(path); made !== highest; made = dirname(made))
    systemFiles.syncFolder(dirname(made));
}
