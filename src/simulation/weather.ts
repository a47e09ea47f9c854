import type { Random } from '../core/environment';
import { LaneFaults } from './lanes';
import type { Fate, Message, Rule } from './network';
import type { Link, NetworkWeather } from './scenario';
import { FIRST_CLIENT, type VirtualTime } from './virtual-time';

const LINKS = 4096;
/** Requests that do most harm when they come long after their time. */
const VERY_LATE = /^acceptor\.(prepare|accept|heartbeat|preVote)$/;

function keyOf(from: number, to: number): number {
  return from * LINKS + to;
}

/** In both directions. */
export function linksBetween(some: readonly number[], others: readonly number[]): Link[] {
  return some.flatMap((a) =>
    others.flatMap((b): Link[] => [
      [a, b],
      [b, a],
    ]),
  );
}

interface Streams {
  /** Of the links' delays. */
  readonly links: Random;
  /** Of what becomes of each message. */
  readonly messages: Random;
  /** Of what comes very late, and of slow lanes. */
  readonly late: Random;
}

/** What the network does to messages on its own account, and which links are cut at the moment. */
export class Weather {
  readonly lanes: LaneFaults;
  readonly #time: VirtualTime;
  readonly #network: NetworkWeather;
  readonly #random: Streams;
  readonly #count: (kind: string) => void;
  /** How many faults cut each link at the moment. */
  readonly #cuts = new Map<number, number>();
  readonly #linkDelaysMs = new Map<number, number>();

  constructor(parts: {
    time: VirtualTime;
    network: NetworkWeather;
    random: Streams;
    /** Hears of everything that befalls a message, by kind. */
    count: (kind: string) => void;
  }) {
    this.#time = parts.time;
    this.lanes = new LaneFaults(parts.time);
    this.#network = parts.network;
    this.#random = parts.random;
    this.#count = parts.count;
  }

  readonly rule: Rule = (message: Message): Fate => {
    const { from, to } = message;
    const { messages } = this.#random;
    const { loss, duplication, late, lateMs, jitterMs } = this.#network;
    if ((this.#cuts.get(keyOf(from, to)) ?? 0) > 0) {
      this.#count('message cut off');
      return 'drop';
    }
    if (this.lanes.isCut(message)) {
      this.#count(`message cut off by lane, ${message.lane ?? ''}`);
      return 'drop';
    }
    const slowMs = this.lanes.slowMs(message);
    const isOfClient = from >= FIRST_CLIENT || to >= FIRST_CLIENT;
    // TCP makes good what a client's connection loses; it takes its time.
    const isLost = messages.chance(loss);
    if (isLost && !isOfClient) {
      this.#count('message lost');
      return 'drop';
    }
    const delay = (): number => {
      const isLate = isLost || messages.chance(late);
      if (isLate) this.#count('message late');
      return (
        this.#linkDelayMs(from, to) -
        Math.log(1 - messages.float()) * jitterMs +
        (isLate ? messages.float() * lateMs : 0) +
        (slowMs > 0 ? this.#random.late.float() * slowMs : 0)
      );
    };
    if (slowMs > 0) this.#count(`message slow by lane, ${message.lane ?? ''}`);
    if (isOfClient) return { delaysMs: [delay()] };
    if (!messages.chance(duplication)) return { delaysMs: this.#veryLate(message, [delay()]) };
    this.#count('message doubled');
    return { delaysMs: this.#veryLate(message, [delay(), delay()]) };
  };

  /** The delays of the message, one of which is perhaps much longer, or added. */
  #veryLate({ kind, method }: Message, delaysMs: readonly number[]): readonly number[] {
    const { veryLate } = this.#network;
    if (veryLate === undefined || kind === 'reply' || !VERY_LATE.test(method)) return delaysMs;
    const { late } = this.#random;
    if (!late.chance(veryLate.share)) return delaysMs;
    this.#count(`very late ${method.slice('acceptor.'.length)}`);
    const delayMs = (0.2 + 0.8 * late.float()) * veryLate.lateMs;
    return veryLate.copies ? [...delaysMs, delayMs] : [...delaysMs.slice(1), delayMs];
  }

  cut(links: readonly Link[], forMs: number): void {
    const add = (change: number): void => {
      for (const [from, to] of links) {
        const key = keyOf(from, to);
        this.#cuts.set(key, (this.#cuts.get(key) ?? 0) + change);
      }
    };
    add(1);
    this.#time.after(forMs, () => {
      add(-1);
    });
  }

  /** Cuts the links and makes them whole again, in turns. */
  flap(links: readonly Link[], periodMs: number, until: number): void {
    if (this.#time.now >= until) return;
    this.cut(links, periodMs);
    this.#time.after(2 * periodMs, () => {
      this.flap(links, periodMs, until);
    });
  }

  #linkDelayMs(from: number, to: number): number {
    const key = keyOf(from, to);
    let delayMs = this.#linkDelaysMs.get(key);
    if (delayMs === undefined) {
      delayMs = this.#network.latencyMs * (1 + this.#random.links.float());
      this.#linkDelaysMs.set(key, delayMs);
    }
    return delayMs;
  }
}
