import type { Random } from '../../../src/core/environment';
import { Raw } from './raw';

/** How often each thing was done or seen. One that stays at zero is a failure of the attack itself. */
export type Counts = Readonly<Record<string, number>>;

export interface Attack {
  readonly name: string;
  /** What the server may grow by meanwhile. */
  readonly peakMib?: number;
  /** What may stay behind when its garbage is collected. */
  readonly keptMib?: number;
  /** Takes more than a few seconds. */
  readonly isLongOnly?: boolean;
  run(target: Target): Promise<Counts>;
}

/** What the servers of a cluster know of it. */
export interface Secrets {
  readonly token: string;
  readonly cluster: string;
}

/** The server under attack. */
export class Target {
  readonly port: number;
  readonly secrets: Secrets;
  readonly random: Random;
  readonly #isLong: boolean;
  readonly #opened: Raw[] = [];

  constructor(port: number, secrets: Secrets, random: Random, isLong: boolean) {
    this.port = port;
    this.secrets = secrets;
    this.random = random;
    this.#isLong = isLong;
  }

  /** How much of it, in the short form and in the long one. */
  size(short: number, long: number): number {
    return this.#isLong ? long : short;
  }

  /** Stays open until the attack was measured, unless the attack or the server closes it. */
  async open(): Promise<Raw | undefined> {
    const raw = await Raw.open(this.port);
    if (raw !== undefined) this.#opened.push(raw);
    return raw;
  }

  closeAll(): void {
    for (const raw of this.#opened.splice(0)) raw.socket.destroy();
  }
}

/** Runs `work` for 0 to count - 1, so many at a time. */
export async function together(
  count: number,
  width: number,
  work: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const runner = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: Math.min(width, count) }, runner));
}

export function pick<const T>(random: Random, choices: readonly [T, ...T[]]): T {
  return choices[random.int(0, choices.length - 1)] ?? choices[0];
}

/** The data in pieces, cut anywhere. */
export function cut(random: Random, data: string, pieces: number): string[] {
  const places = Array.from({ length: pieces - 1 }, () => random.int(0, data.length)).sort((a, b) => a - b);
  return [...places, data.length].map((end, i) => data.slice(i === 0 ? 0 : places[i - 1], end));
}
