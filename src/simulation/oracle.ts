import type { ServerId, Slot } from '../core/ballot';
import type { ApiResult } from '../api/methods';
import type { Command, Result, Write, WriteResult } from '../kv/commands';
import type { ReadLevel } from '../history/history';
import { compareCodePoints } from '../history/partition';
import {
  commandOf,
  describe,
  nameOfOrNone,
  sessionOf,
  textOf,
  textOfResult,
  type ClientWrite,
  type WriteMethod,
} from './client-writes';
import type { DurabilityObserver } from './durability';
import type { Observer } from './observer';
import { SessionModel, mayBeLarge, nameOf } from './session-model';
import { UnsessionedWrites } from './unsessioned-writes';

interface ReadParams {
  readonly key: string;
  readonly read?: ReadLevel;
}

interface ListParams {
  readonly prefix?: string;
  readonly after?: string;
  readonly limit?: number;
  readonly read?: ReadLevel;
}

interface Step {
  readonly command: string;
  readonly result: string;
  /** Undefined where nobody asked for it. */
  readonly digest: string | undefined;
}

interface Version {
  readonly slot: Slot;
  /** Undefined: absent. */
  readonly value: string | undefined;
}

/**
 * Carries out every chosen command once more, in the plainest way there is, in the order of the slots, and holds
 * against it what the servers' stores do and what clients are told. It forgets nothing: no window, no snapshot.
 */
export class Oracle {
  readonly #observer: Observer;
  readonly #durability: DurabilityObserver;
  readonly #steps = new Map<Slot, Step>();
  readonly #versions = new Map<string, Version[]>();
  readonly #sessions = new SessionModel();
  readonly #invoked = new Map<string, string>();
  readonly #refused = new Set<string>();
  readonly #unsessioned = new UnsessionedWrites();
  readonly #shown = new Map<ServerId, Slot>();
  #lastSlot: Slot = 0;
  #acknowledged: Slot = 0;
  /** Every chosen command that was carried out, in the order of the slots. */
  readonly commands: (readonly [slot: Slot, command: Command])[] = [];
  /** Answers to clients that were held against the replay. */
  checkedAnswers = 0;

  /** `initial`: what the stores hold before slot 1. */
  constructor(
    observer: Observer,
    durability: DurabilityObserver,
    initial: Iterable<readonly [key: string, value: string]> = [],
  ) {
    this.#observer = observer;
    this.#durability = durability;
    for (const [key, value] of initial) this.#set(key, 0, value);
  }

  /** The highest slot of a write that a client knows to be done. */
  get acknowledgedSlot(): Slot {
    return this.#acknowledged;
  }

  /** A client sends this write for the first time, or again. */
  invoked(write: ClientWrite): void {
    const session = sessionOf(write);
    const text = textOf(commandOf(write));
    if (session === null) this.#unsessioned.invoked(text);
    else this.#invoked.set(nameOf(session), text);
  }

  /** The store of `server` has carried out the command of this slot. */
  applied(server: ServerId, slot: Slot, command: Command, result: Result, digest: string | undefined): void {
    const step = { command: textOf(command) + nameOfOrNone(command), result: textOfResult(result), digest };
    const known = this.#steps.get(slot);
    if (known === undefined) this.#replay(server, slot, command, step);
    else if (known.command !== step.command)
      this.#fail(
        'logs differ',
        `slot ${slot}: server ${server} applies ${step.command}, another ${known.command}`,
      );
    else if (known.result !== step.result)
      this.#fail(
        'results differ',
        `slot ${slot}: ${step.result} at server ${server}, ${known.result} elsewhere`,
      );
    else if (digest !== undefined && (known.digest ?? digest) !== digest)
      this.#fail('states differ', `after slot ${slot}, server ${server} and another`);
    else if (known.digest !== digest) this.#steps.set(slot, { ...known, digest: known.digest ?? digest });
  }

  /** The store of `server` has taken over a state from its disk or from a peer. */
  restored(server: ServerId): void {
    this.#observer.restored(server);
  }

  /** A client is told that its write is done. */
  acknowledge(write: ClientWrite, result: ApiResult<WriteMethod>): void {
    this.checkedAnswers++;
    const first = this.#firstResultOf(write, result.slot);
    const told = textOfResult({ op: commandOf(write).op, ...result });
    if (first === undefined)
      this.#fail(
        'answered too early',
        `no server has carried out ${describe(write)}, but its client got ${told}`,
      );
    else if (first !== told)
      this.#fail('wrong result', `write ${describe(write)} gave ${first}, its client got ${told}`);
    this.#acknowledged = Math.max(this.#acknowledged, result.slot);
    this.#durability.acknowledged(result.slot, write);
  }

  /** A client surely gets no effect of this write, now or later. */
  refused(write: ClientWrite): void {
    const session = sessionOf(write);
    if (session !== null) this.#refused.add(nameOf(session));
    const tookEffect =
      session === null
        ? this.#unsessioned.refused(textOf(commandOf(write)))
        : this.#sessions.firstOf(session) !== undefined;
    if (tookEffect) this.#fail('failed but took effect', describe(write));
  }

  /** A client is told that nobody knows any more what became of this write. */
  forgotten(write: ClientWrite): void {
    const session = sessionOf(write);
    const named = session && { ...session, epoch: write.epoch ?? 0 };
    if (named === null || !this.#sessions.isForgotten(named, commandOf(write)))
      this.#fail('forgotten too early', describe(write));
  }

  /** A server answers a read, from the state after the slot that it names. What it showed once it shows for ever. */
  showed(server: ServerId, answer: object): void {
    const { result } = answer as { readonly result?: { readonly applied: Slot } };
    if (result === undefined) return;
    const before = this.#shown.get(server) ?? 0;
    if (result.applied < before)
      this.#fail(
        'read that goes back in time',
        `server ${server} shows the state after slot ${result.applied}, and had shown slot ${before}`,
      );
    this.#shown.set(server, Math.max(before, result.applied));
  }

  /** A client is shown this value; `acknowledged` is the floor for a linearizable read, as of its begin. */
  shown({ key, read }: ReadParams, result: ApiResult<'kv.get'>, acknowledged: Slot): void {
    this.checkedAnswers++;
    this.#checkFloor(read, result.applied, acknowledged);
    const value = this.#valueAt(key, result.applied);
    const shown = result.found ? result.value : undefined;
    if (shown !== value)
      this.#fail(
        'wrong value',
        `${key} after slot ${result.applied} is ${String(value)}, but ${String(shown)} was shown`,
      );
  }

  listed(
    { prefix = '', after, limit = 100, read }: ListParams,
    result: ApiResult<'kv.list'>,
    acknowledged: Slot,
  ): void {
    this.checkedAnswers++;
    this.#checkFloor(read, result.applied, acknowledged);
    const expected = [...this.#versions.keys()]
      .filter((key) => key.startsWith(prefix) && (after === undefined || compareCodePoints(key, after) > 0))
      .sort(compareCodePoints)
      .map((key) => ({ key, value: this.#valueAt(key, result.applied) }))
      .filter(({ value }) => value !== undefined);
    const isSame =
      JSON.stringify(expected.slice(0, limit)) === JSON.stringify(result.entries) &&
      result.more === expected.length > limit;
    if (!isSame)
      this.#fail(
        'wrong list',
        `after slot ${result.applied}: ${JSON.stringify(result)} instead of ${JSON.stringify(expected)}`,
      );
  }

  #checkFloor(read: ReadLevel | undefined, applied: Slot, acknowledged: Slot): void {
    if (read === 'linearizable' && applied < acknowledged)
      this.#fail(
        'stale read',
        `a linearizable read shows slot ${applied} after slot ${acknowledged} was acknowledged`,
      );
  }

  #replay(server: ServerId, slot: Slot, command: Command, step: Step): void {
    if (slot <= this.#lastSlot) {
      this.#fail('logs differ', `server ${server} applies slot ${slot}, which another one left out`);
      return;
    }
    this.#lastSlot = slot;
    this.commands.push([slot, command]);
    this.#steps.set(slot, step);
    const expected = this.#carryOut(command, slot).map(textOfResult);
    if (!expected.includes(step.result))
      this.#fail(
        'wrong result',
        `slot ${slot}: ${step.result} at server ${server}, replayed it is ${expected.join(' or ')}`,
      );
  }

  /** The results that are right. */
  #carryOut(command: Command, slot: Slot): Result[] {
    if (command.op === 'forget') {
      this.#sessions.forget(command.epoch);
      return [{ op: 'forget', epoch: this.#sessions.epoch }];
    }
    const { session } = command;
    if (session === null) {
      const wrong = this.#unsessioned.executed(textOf(command));
      if (wrong !== undefined) this.#fail(wrong, `slot ${slot}: ${textOf(command)}`);
      return [this.#execute(command, slot)];
    }
    const id = nameOf(session);
    if (this.#invoked.get(id) !== textOf(command))
      this.#fail('nobody asked for it', `slot ${slot}: ${textOf(command)} of ${id}`);
    const verdict = this.#sessions.judge(session);
    if (verdict.kind === 'new') {
      if (this.#refused.has(id)) this.#fail('failed but took effect', `${id} in slot ${slot}`);
      const result = this.#execute(command, slot);
      this.#sessions.took(session, result);
      return [result];
    }
    const { epoch } = this.#sessions;
    if (verdict.kind === 'stale') return [{ op: 'stale', because: verdict.because, epoch }];
    const { first } = verdict;
    if (verdict.kind === 'twice')
      this.#fail('took effect twice', `${id} in slot ${slot}, and before: ${textOfResult(first)}`);
    return mayBeLarge(command, first) ? [first, { op: 'stale', because: 'sequence', epoch }] : [first];
  }

  /** As a text; of a write without a session, what the command in this slot gave. */
  #firstResultOf(write: ClientWrite, slot: Slot): string | undefined {
    const session = sessionOf(write);
    if (session === null) {
      const step = this.#steps.get(slot);
      return step?.command === textOf(commandOf(write)) ? step.result : undefined;
    }
    const first = this.#sessions.firstOf(session);
    return first && textOfResult(first);
  }

  #execute(command: Write, slot: Slot): WriteResult {
    const { op, key } = command;
    const actual = this.#valueAt(key, slot) ?? null;
    switch (op) {
      case 'put':
        this.#set(key, slot, command.value);
        return { op, replaced: actual !== null, slot };
      case 'delete':
        this.#set(key, slot, undefined);
        return { op, deleted: actual !== null, slot };
      case 'compareAndSet': {
        const swapped = actual === command.expect;
        if (swapped) this.#set(key, slot, command.value ?? undefined);
        return { op, swapped, actual, slot };
      }
    }
  }

  #set(key: string, slot: Slot, value: string | undefined): void {
    const versions = this.#versions.get(key);
    if (versions === undefined) this.#versions.set(key, [{ slot, value }]);
    else versions.push({ slot, value });
  }

  /** The value of the key after the slot was carried out. */
  #valueAt(key: string, slot: Slot): string | undefined {
    return this.#versions.get(key)?.findLast((version) => version.slot <= slot)?.value;
  }

  #fail(kind: string, details: string): void {
    this.#observer.fail(kind, details);
  }
}
