import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * A file system of a few KiB in memory, in a mount namespace of its own: no rights are needed where the kernel lets
 * users have namespaces. It lives until close(), whatever processes come and go in it.
 */
export class SmallDisk {
  readonly #holder: ChildProcess;
  readonly #folder: string;

  private constructor(holder: ChildProcess, folder: string) {
    this.#holder = holder;
    this.#folder = folder;
  }

  /** Mounts it over `folder`, which is created. Rejects with the reason when this machine does not allow that. */
  static async create(folder: string, sizeKib: number): Promise<SmallDisk> {
    mkdirSync(folder, { recursive: true });
    const script = `mount -t tmpfs -o size=${sizeKib}k none "$0" && echo mounted && exec cat`;
    // It ends with its standard input, and so with this process.
    const holder = spawn('unshare', ['-Urm', 'sh', '-c', script, folder], { stdio: 'pipe' });
    const errors: string[] = [];
    createInterface({ input: holder.stderr }).on('line', (line) => errors.push(line));
    const ended = new Promise<never>((_, reject) => {
      holder.on('error', reject);
      holder.on('close', () => {
        reject(new Error(errors.join(' ') || 'unshare ended'));
      });
    });
    await Promise.race([once(createInterface({ input: holder.stdout }), 'line'), ended]);
    ended.catch(() => undefined);
    return new SmallDisk(holder, folder);
  }

  /** The command line that runs `command` where the disk is mounted. */
  within(command: readonly string[]): string[] {
    const target = String(this.#holder.pid);
    return ['nsenter', '--preserve-credentials', '-U', '-m', '-t', target, ...command];
  }

  /** Fills what is left of it, but for a few KiB. */
  async fill(): Promise<void> {
    await this.#shell('dd if=/dev/zero of="$0/ballast" bs=1k 2>/dev/null; truncate -s -16k "$0/ballast"');
  }

  /** Makes the room again that fill() took. */
  async free(): Promise<void> {
    await this.#shell('rm "$0/ballast"');
  }

  async close(): Promise<void> {
    const closed = once(this.#holder, 'close');
    this.#holder.stdin?.end();
    await closed;
  }

  async #shell(script: string): Promise<void> {
    const [program = '', ...rest] = this.within(['sh', '-c', script, this.#folder]);
    await run(program, rest);
  }
}
