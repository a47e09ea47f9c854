import {
  NO_BALLOT,
  compareBallots,
  formatBallot,
  type Ballot,
  type ServerId,
  type Slot,
} from '../core/ballot';
import { StorageError } from '../core/errors';
import type { ProtocolEvent } from '../core/events';
import { judgedQuorums, type JudgedQuorums } from './judged-quorums';
import { TraceHash } from './trace-hash';

/** Stands for a promise that holds in all slots. */
const ALL_SLOTS = 0;
/** More than a cluster has. */
const SERVERS = 1024;

/** What must never be seen; the kind names the broken rule. */
export class Violation extends Error {
  override readonly name = 'Violation';
  readonly kind: string;

  constructor(kind: string, details: string) {
    super(`${kind}: ${details}`);
    this.kind = kind;
  }
}

/**
 * Sees everything that all servers say and apply, and holds it against the safety rules. It counts votes itself, so it
 * notices two chosen values also when no server learned of either.
 */
export class Observer {
  readonly quorums: JudgedQuorums;
  readonly #usedBallots = new Set<string>();
  readonly #promised = new Map<number, Ballot>();
  readonly #proposed = new Map<string, string>();
  readonly #voters = new Map<string, Set<ServerId>>();
  readonly #chosen = new Map<Slot, string>();
  readonly #applied = new Map<Slot, string>();
  readonly #lastApplied = new Map<ServerId, Slot>();
  readonly #watchers: ((server: ServerId, event: ProtocolEvent) => void)[] = [];
  readonly #log: string[] = [];
  readonly #positions = new Map<string, number>();
  readonly #branches = new Map<string, number>();
  readonly #trace = new TraceHash();
  #violation: Violation | undefined;

  constructor(servers: number, quorums = 'majority') {
    this.quorums = judgedQuorums(quorums, servers);
  }

  /** Commands in the order in which they take effect. */
  get log(): readonly string[] {
    return this.#log;
  }

  /** Number of slots with a chosen value, learned or not. */
  get chosenSlots(): number {
    return this.#chosen.size;
  }

  /** How often each branch of the protocol was reached, as far as events tell. */
  get branches(): Record<string, number> {
    return Object.fromEntries(this.#branches);
  }

  /** Throws the first violation seen so far. */
  check(): void {
    if (this.#violation !== undefined) throw this.#violation;
  }

  fail(kind: string, details: string): void {
    this.#violation ??= new Violation(kind, details);
  }

  /** A failed sync is none: whoever has one stops at once. */
  unexpected(server: ServerId, error: unknown): void {
    if (error instanceof StorageError) return;
    this.fail(
      'unexpected error',
      `server ${server}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }

  /** A new incarnation of the server starts from whatever its disk held. */
  booted(server: ServerId): void {
    this.#lastApplied.delete(server);
  }

  /** Differs, very likely, for runs in which anybody said or did another thing. */
  get traceHash(): string {
    return this.#trace.toString();
  }

  /** Calls `watcher` with every event. */
  watch(watcher: (server: ServerId, event: ProtocolEvent) => void): void {
    this.#watchers.push(watcher);
  }

  /** The value that a quorum voted for under one ballot, learned or not. */
  chosenIn(slot: Slot): string | undefined {
    return this.#chosen.get(slot);
  }

  see(server: ServerId, event: ProtocolEvent): void {
    this.#note(server, event);
    for (const watcher of this.#watchers) watcher(server, event);
    const branch = branchOf(event);
    this.#branches.set(branch, (this.#branches.get(branch) ?? 0) + 1);
    switch (event.kind) {
      case 'prepare-sent':
        this.#useBallot(event.ballot);
        break;
      case 'promised':
        this.#promise(server, event.onwards === true ? ALL_SLOTS : event.slot, event.ballot);
        break;
      case 'accepted':
        this.#promise(server, event.onwards === true ? ALL_SLOTS : event.slot, event.ballot);
        this.#vote(server, event.slot, event.ballot, event.value);
        break;
      case 'chosen':
      case 'learned':
        if (this.#chosen.get(event.slot) !== event.value)
          this.fail('learned but not chosen', `server ${server}, slot ${event.slot}, value ${event.value}`);
        break;
      case 'applied':
        this.#apply(server, event.slot, event.value);
        break;
      default:
    }
  }

  /** The machine of `server` takes over a whole state: the next slot it applies may be any. */
  restored(server: ServerId): void {
    this.#lastApplied.delete(server);
  }

  /** The machine of `server` carries out its command number `position` (from 0). */
  execute(server: ServerId, position: number, command: string): void {
    const known = this.#log[position];
    if (known !== undefined && known !== command)
      this.fail('logs differ', `position ${position}: server ${server} applies ${command}, another ${known}`);
    if (known !== undefined) return;
    if (position !== this.#log.length) this.fail('logs differ', `server ${server} leaves out a command`);
    const earlier = this.#positions.get(command);
    if (earlier !== undefined) this.fail('applied twice', `${command} at ${earlier} and ${position}`);
    this.#positions.set(command, position);
    this.#log.push(command);
  }

  /** The machine of `server` takes over a state made by these commands. */
  restore(server: ServerId, commands: readonly string[]): void {
    this.restored(server);
    commands.forEach((command, position) => {
      this.execute(server, position, command);
    });
  }

  /** Where in the log the command took effect, if it did. */
  positionOf(command: string): number | undefined {
    return this.#positions.get(command);
  }

  #note(server: ServerId, event: ProtocolEvent): void {
    const trace = this.#trace;
    trace.add(server);
    trace.addText(event.kind);
    if ('slot' in event) trace.add(event.slot);
    if ('ballot' in event) {
      trace.add(event.ballot.round);
      trace.add(event.ballot.server);
    }
    if ('value' in event) trace.addText(event.value);
  }

  /** In whatever slots: a leader's ballot is for all of them, and rounds of single slots are counted together. */
  #useBallot(ballot: Ballot): void {
    const key = formatBallot(ballot);
    if (this.#usedBallots.has(key)) this.fail('ballot used twice', key);
    this.#usedBallots.add(key);
  }

  #promise(server: ServerId, slot: Slot, ballot: Ballot): void {
    const key = slot * SERVERS + server;
    const promised = this.#promised.get(key) ?? NO_BALLOT;
    if (compareBallots(ballot, promised) < 0)
      this.fail(
        'promise broken',
        `server ${server}, slot ${slot}: ${formatBallot(ballot)} after ${formatBallot(promised)}`,
      );
    else this.#promised.set(key, ballot);
  }

  #vote(server: ServerId, slot: Slot, ballot: Ballot, value: string): void {
    const key = `${slot}/${formatBallot(ballot)}`;
    const proposed = this.#proposed.get(key);
    if (proposed !== undefined && proposed !== value)
      this.fail('two values under one ballot', `${key}: ${proposed} and ${value}`);
    this.#proposed.set(key, value);
    let voters = this.#voters.get(key);
    if (voters === undefined) this.#voters.set(key, (voters = new Set()));
    voters.add(server);
    if (!this.quorums.isPhase2Quorum(voters)) return;
    const chosen = this.#chosen.get(slot);
    if (chosen !== undefined && chosen !== value)
      this.fail('two values chosen', `slot ${slot}: ${chosen} and ${value}`);
    this.#chosen.set(slot, value);
  }

  #apply(server: ServerId, slot: Slot, value: string): void {
    const last = this.#lastApplied.get(server);
    if (last !== undefined && slot !== last + 1)
      this.fail('applied out of order', `server ${server}: slot ${slot} after slot ${last}`);
    this.#lastApplied.set(server, slot);
    const known = this.#applied.get(slot) ?? value;
    if (known !== value)
      this.fail('logs differ', `slot ${slot}: server ${server} applies ${value}, another ${known}`);
    this.#applied.set(slot, value);
    if (this.#chosen.get(slot) !== value)
      this.fail('applied but not chosen', `server ${server}, slot ${slot}, value ${value}`);
  }
}

function branchOf(event: ProtocolEvent): string {
  switch (event.kind) {
    case 'prepare-sent':
      return event.attempt === 1 ? 'prepare-sent' : 'prepare-sent, again';
    case 'accept-sent':
      return event.adopted ? 'accept-sent, adopted' : 'accept-sent, own value';
    case 'phase-failed':
      return `phase-failed, phase ${event.phase}, ${event.reason}`;
    case 'caught-up':
      return `caught-up by ${event.by}`;
    default:
      return event.kind;
  }
}
