import { CallerHandshake, WELCOME, type Agreement } from '../../../src/network/handshake';
import { pick, together, type Attack, type Target } from './attack';
import { leave } from './connections';
import { WEBSOCKET, callOf, getOf, type Raw } from './raw';

const TEXT = 1;
const CALLER = 1;
const SERVER = 0;
const CLOSED_WITHIN_MS = 15_000;

interface FrameParts {
  readonly opcode?: number;
  readonly isLast?: boolean;
  readonly isMasked?: boolean;
  /** Said to be so long; left out: the truth. */
  readonly length?: bigint;
}

/** A frame of a WebSocket [RFC 6455, 5.2], with a mask of zeros. */
function frameOf(payload: Buffer | string, parts: FrameParts = {}): Buffer {
  const { opcode = TEXT, isLast = true, isMasked = true } = parts;
  const bytes = Buffer.from(payload);
  const { length = BigInt(bytes.length) } = parts;
  const head = Buffer.alloc(10);
  head[0] = (isLast ? 0x80 : 0) | opcode;
  head[1] = (isMasked ? 0x80 : 0) | 127;
  head.writeBigUInt64BE(length, 2);
  return Buffer.concat([head, Buffer.alloc(isMasked ? 4 : 0), bytes]);
}

/** A peer that knows the token, byte by byte. */
class RawPeer {
  readonly raw: Raw;
  readonly #handshake: CallerHandshake;
  readonly #request: string;

  private constructor(raw: Raw, target: Target, agreement: Agreement) {
    this.raw = raw;
    const { token, cluster } = target.secrets;
    this.#handshake = new CallerHandshake({ self: CALLER, cluster, token, agreement }, SERVER);
    const headers = Object.entries(this.#handshake.headers).map(([name, value]) => `${name}: ${value}\r\n`);
    this.#request = getOf(target.port, '/rpc', WEBSOCKET + headers.join(''));
  }

  static async open(target: Target, agreement: Agreement): Promise<RawPeer | undefined> {
    const raw = await target.open();
    return raw === undefined ? undefined : new RawPeer(raw, target, agreement);
  }

  get request(): Buffer {
    return Buffer.from(this.#request);
  }

  get isUpgraded(): boolean {
    return this.raw.text.includes('\r\n\r\n') && this.raw.text.startsWith('HTTP/1.1 101');
  }

  get isWelcome(): boolean {
    return this.raw.text.includes(WELCOME);
  }

  /** The frame with the proof, once the server has answered the request. */
  get proof(): Buffer {
    const header = (name: string): string =>
      new RegExp(`^${name}: (\\S+)\r$`, 'im').exec(this.raw.text)?.[1] ?? '';
    const names = ['x-synod-nonce', 'x-synod-proof'];
    return frameOf(this.#handshake.answer(Object.fromEntries(names.map((name) => [name, header(name)]))));
  }

  async upgrade(): Promise<boolean> {
    await this.raw.send(this.#request);
    return this.raw.until(() => this.isUpgraded || !this.raw.isOpen).then(() => this.isUpgraded);
  }

  async prove(): Promise<boolean> {
    if (!(await this.upgrade())) return false;
    await this.raw.send(this.proof);
    return this.raw.until(() => this.isWelcome || !this.raw.isOpen).then(() => this.isWelcome);
  }
}

/** What the server wants its peers to agree on: it says so to one that knows the token and agrees on nothing. */
async function agreementOf(target: Target): Promise<Agreement> {
  const peer = await RawPeer.open(target, {});
  await peer?.prove();
  const [, told = ''] = /in common \((.*)\)/.exec(peer?.raw.text ?? '') ?? [];
  const pairs = told.split('; ').map((part) => /^(.*?): (.*) here, none there$/.exec(part));
  return Object.fromEntries(pairs.map((pair) => [pair?.[1] ?? '', pair?.[2] ?? '']));
}

/** A peer's request, proof and first batch of calls, cut at any byte, before and after it proved itself. */
export const cutFrames: Attack = {
  name: 'frames of peers cut at every byte',
  async run(target) {
    const { random } = target;
    const agreement = await agreementOf(target);
    const counts = { connections: 0, upgraded: 0, welcome: 0, answered: 0, unproven: 0 };
    const batch = frameOf(`[${callOf('acceptor.nothing', {})},${callOf('acceptor.accept', [])}]`);
    const unproven: Raw[] = [];
    const cutAfter = async (peer: RawPeer, at: number): Promise<boolean> => {
      const { raw, request } = peer;
      await raw.send(request.subarray(0, at));
      if (at < request.length || !(await raw.until(() => peer.isUpgraded))) return false;
      counts.upgraded++;
      const { proof } = peer;
      const ofProof = proof.subarray(0, at - request.length);
      await raw.send(ofProof);
      if (ofProof.length < proof.length) return true;
      if (!(await raw.until(() => peer.isWelcome))) return false;
      counts.welcome++;
      const ofBatch = batch.subarray(0, at - request.length - proof.length);
      await raw.send(ofBatch);
      if (ofBatch.length === batch.length)
        counts.answered += Number(await raw.until(() => raw.text.includes('"error"')));
      return false;
    };
    const first = await RawPeer.open(target, agreement);
    if (first === undefined || !(await first.prove())) throw new Error('no proof was taken');
    const total = first.request.length + first.proof.length + batch.length;
    const step = target.size(7, 1);
    await together(Math.ceil(total / step) + 1, 20, async (index) => {
      const how = pick(random, ['end', 'destroy', 'reset', 'stay']);
      const peer = await RawPeer.open(target, agreement);
      if (peer === undefined) return;
      counts.connections++;
      if ((await cutAfter(peer, Math.min(index * step, total))) && how === 'stay') unproven.push(peer.raw);
      await leave(peer.raw, how);
    });
    counts.unproven = unproven.length;
    for (const raw of unproven)
      if (!(await raw.until(() => !raw.isOpen, CLOSED_WITHIN_MS)))
        throw new Error('a peer that proved nothing may stay');
    return counts;
  },
};

/** Frames, messages and calls that no peer sends, from one that has proved itself. */
export const provenGarbage: Attack = {
  name: 'garbage of a peer that has proved itself',
  async run(target) {
    const { random } = target;
    const agreement = await agreementOf(target);
    const counts = { proved: 0, sent: 0, answered: 0, closed: 0 };
    const noise = (length: number): Buffer => Buffer.from(Array.from({ length }, () => random.int(0, 255)));
    const methods = [
      'acceptor.accept',
      'acceptor.prepare',
      'learner.entries',
      'leader.propose',
      'cluster.hello',
    ];
    await together(target.size(60, 1000), 10, async () => {
      const peer = await RawPeer.open(target, agreement);
      if (peer === undefined || !(await peer.prove())) return;
      counts.proved++;
      const before = peer.raw.text.length;
      const garbage = pick<() => Buffer>(random, [
        () => noise(random.int(1, 2000)),
        () => frameOf(noise(random.int(1, 2000))),
        () => frameOf(noise(random.int(1, 2000)), { opcode: random.int(0, 15) }),
        () => frameOf('[]', { isMasked: false }),
        () => frameOf('', { length: 2n ** 63n }),
        () => frameOf('x', { length: 65n * 1024n * 1024n }),
        () => frameOf('['.repeat(random.int(1, 200_000))),
        () => frameOf('{"jsonrpc":"2.0"}', { isLast: false }),
        () => Buffer.concat(Array.from({ length: 1000 }, () => frameOf('ping', { opcode: 9 }))),
        () => frameOf(`[${Array.from({ length: 1000 }, () => 'null').join()}]`),
        () => frameOf(`[${methods.map((method) => callOf(method, { a: [], b: 'x'.repeat(1000) })).join()}]`),
        () => frameOf(`[${methods.map((method) => callOf(method, { slot: -1, ballot: null })).join()}]`),
        () => frameOf(`[${callOf('__proto__', {})},${callOf('constructor', { __proto__: 1 })}]`),
        () => frameOf(noise(4), { opcode: 8 }),
      ])();
      await peer.raw.send(garbage);
      counts.sent++;
      await peer.raw.until(() => peer.raw.text.length > before || !peer.raw.isOpen, 200);
      counts.answered += Number(peer.raw.text.length > before);
      await leave(peer.raw, pick(random, ['end', 'destroy', 'reset', 'stay']));
      counts.closed += Number(!peer.raw.isOpen);
    });
    return counts;
  },
};
