import { NO_BALLOT, type Ballot, type ServerId, type Slot } from '../core/ballot';
import type { Dispatch, Environment } from '../core/environment';
import { SeededRandom } from '../core/random';
import type { Protocol, ProtocolSettings, Replica } from '../core/replica';
import type { StateRecord } from '../core/state-machine';
import type { Command, Result } from '../kv/commands';
import { KeyValueStore } from '../kv/store';
import type { Value } from '../protocols/log/messages';
import type { ProtocolName } from '../protocols/registry';
import type { Disk } from './disk';
import type { StateVariation } from './scenario';

/** Below any ballot of a run but the first one of server 0, and above all of them. */
const LOWEST: Ballot = { round: 1, server: 0 };
const HIGHEST_ROUND = 2 ** 52;
/** Long after every lease. */
const LATE_MS = 1e12;

export interface RehearsalParts {
  readonly protocol: Protocol;
  readonly protocolName: ProtocolName;
  readonly settings: ProtocolSettings;
  readonly members: readonly ServerId[];
  readonly server: ServerId;
  readonly disk: Disk;
  readonly state: StateVariation;
}

interface Vote {
  readonly ballot: Ballot;
  readonly value: Value;
}

/** What an acceptor answers about one slot. Undefined: nothing that it must remember any more, or nothing at all. */
export interface RecoveredVotes {
  readonly promised: Ballot;
  vote(slot: Slot): Vote | undefined;
}

/**
 * The start of a server as its disk is now, by the shipped code and without anybody noticing: it reads and answers, but
 * writes nothing, hears nothing and its timers never end. So it can be asked what no server in a run can be asked
 * without changing it, such as its votes.
 */
export class Rehearsal {
  readonly #parts: RehearsalParts;
  readonly #store: KeyValueStore;
  readonly #replica: Replica<Command, Result>;
  #dispatch: Dispatch = () => Promise.reject(new Error('it does not listen'));
  #nowMs = 0;

  private constructor(parts: RehearsalParts) {
    this.#parts = parts;
    this.#store = new KeyValueStore(parts.state.initial, parts.state.sessions);
    this.#replica = parts.protocol.create(this.#environment(), this.#store, parts.settings);
  }

  /** Settles before the next event of the run: it waits for nothing but its own promises. */
  static async of(parts: RehearsalParts): Promise<Rehearsal> {
    const rehearsal = new Rehearsal(parts);
    await rehearsal.#replica.start();
    rehearsal.#nowMs = LATE_MS;
    return rehearsal;
  }

  get applied(): Slot {
    return this.#replica.inspect().applied;
  }

  /** Below this slot votes and values may be dropped. */
  get floor(): Slot {
    return this.#replica.inspect().floor;
  }

  get records(): readonly StateRecord[] {
    return this.#store.snapshot();
  }

  /** The chosen values that peers would get. */
  async log(): Promise<{ slot: Slot; value: Value }[]> {
    const log: { slot: Slot; value: Value }[] = [];
    for (let from = 1; ;) {
      const { entries } = (await this.#ask('learner.chosen', { from })) as { entries: typeof log };
      const last = entries.at(-1);
      if (last === undefined) return log;
      log.push(...entries);
      from = last.slot + 1;
    }
  }

  /** What its acceptor has promised in this slot, as far as it would say so; undefined: it knows the slot to be chosen. */
  async promised(slot: Slot): Promise<Ballot | undefined> {
    const reply = await this.#prepare(slot, LOWEST);
    if (reply.kind === 'truncated') return undefined;
    return reply.kind === 'rejected' ? reply.promised : NO_BALLOT;
  }

  /** The votes that its acceptor would report to a candidate. To be asked last: it promises. */
  async votes(slots: Iterable<Slot>): Promise<Map<Slot, Vote>> {
    const votes = new Map<Slot, Vote>();
    const ballot = { round: HIGHEST_ROUND, server: this.#parts.server };
    if (this.#parts.protocolName === 'multi-paxos') {
      for (let from: Slot | null = 1; from !== null;) {
        const reply: Reply = await this.#prepare(from, ballot);
        for (const vote of reply.votes ?? []) votes.set(vote.slot, vote);
        from = reply.next ?? null;
      }
      return votes;
    }
    for (const slot of slots) {
      const { accepted } = await this.#prepare(slot, ballot);
      if (accepted !== undefined && accepted !== null) votes.set(slot, accepted);
    }
    return votes;
  }

  #prepare(slot: Slot, ballot: Ballot): Promise<Reply> {
    return this.#ask('acceptor.prepare', { slot, from: slot, ballot }) as Promise<Reply>;
  }

  async #ask(method: string, params: object): Promise<unknown> {
    return await this.#dispatch(method, params);
  }

  #environment(): Environment {
    const { server, members, disk } = this.#parts;
    const never = new Promise<never>(() => undefined);
    const nothing = (): void => undefined;
    const stored = disk.storage();
    return {
      self: server,
      members,
      clock: { now: () => this.#nowMs, after: () => nothing, sleep: () => never },
      random: new SeededRandom(0),
      transport: {
        call: () => never,
        listen: (dispatch) => {
          this.#dispatch = dispatch;
        },
      },
      storage: { write: () => Promise.resolve(), defer: nothing, read: (prefix) => stored.read(prefix) },
      faults: { loses: () => undefined },
      fail: nothing,
      trace: nothing,
    };
  }
}

/** Of any protocol's acceptor. */
interface Reply {
  readonly kind: 'promised' | 'rejected' | 'truncated';
  readonly promised: Ballot;
  readonly accepted?: Vote | null;
  readonly votes?: readonly (Vote & { readonly slot: Slot })[];
  readonly next?: Slot | null;
}
