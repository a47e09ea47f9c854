import { compareBallots, type Ballot, type ServerId, type Slot } from '../../core/ballot';
import type { Environment } from '../../core/environment';
import { gather, type Vanguard } from '../../core/gather';
import type { ProtocolSettings } from '../../core/replica';
import type { RoundTrip } from '../../core/round-trip';
import type { Value } from '../log/messages';
import { CommandQueue, type CommandQueueOptions, type Proposal } from './command-queue';
import { roundLength } from './round-length';
import { Heartbeats, type End, type HeartbeatOptions } from './heartbeats';
import type { AcceptReply, AcceptorService, CommandReply, Entry } from './messages';

export type LeaderOptions = HeartbeatOptions & CommandQueueOptions;

/** What the leader needs of its own learner. */
export interface LearningSlots {
  readonly highestChosen: Slot;
  knows(slot: Slot): boolean;
  learnAll(entries: Iterable<{ slot: Slot; value: Value }>, chosenBy?: Ballot): void;
}

type Verdict =
  | { readonly kind: 'chosen' }
  | { readonly kind: 'rejected'; readonly by: Ballot }
  | { readonly kind: 'ended' };

/**
 * The stable leader of one ballot: phase 2 only, for many slots at a time [Paxos Made Simple, 3]. It ends when it meets
 * a higher ballot, or misses a quorum; another term is another Leader.
 */
export class Leader {
  readonly ballot: Ballot;
  readonly #environment: Environment;
  readonly #settings: ProtocolSettings;
  readonly #acceptors: ReadonlyMap<ServerId, AcceptorService>;
  readonly #learner: LearningSlots;
  readonly #repair: (target: Slot) => Promise<void>;
  readonly #onEnd: (end: End) => void;
  readonly #roundTrip: RoundTrip;
  readonly #options: LeaderOptions;
  readonly #heartbeats: Heartbeats;
  readonly #queue: CommandQueue;
  /** Those that are sent and not yet answered. */
  readonly #proposals = new Map<Slot, Proposal>();
  /** Slots chosen under this ballot behind a hole. */
  readonly #chosen = new Set<Slot>();
  readonly #inheritedUpTo: Slot;
  #nextSlot: Slot;
  #chosenUpTo: Slot;
  #isClosed = false;
  #ended = false;

  constructor(parts: {
    environment: Environment;
    settings: ProtocolSettings;
    acceptors: ReadonlyMap<ServerId, AcceptorService>;
    learner: LearningSlots;
    /** Learns from the peers what is chosen up to there. */
    repair: (target: Slot) => Promise<void>;
    ballot: Ballot;
    /** All slots below it are chosen, and known here. */
    firstSlot: Slot;
    /** Called once, when this leader is none any more. */
    onEnd: (end: End) => void;
    roundTrip: RoundTrip;
    options: LeaderOptions;
    /** Slots that `start` proposes: so many from the first one on. */
    inheritedSlots: number;
  }) {
    const { environment, settings, acceptors, ballot, roundTrip, options } = parts;
    this.ballot = ballot;
    this.#environment = environment;
    this.#settings = settings;
    this.#acceptors = acceptors;
    this.#learner = parts.learner;
    this.#repair = parts.repair;
    this.#onEnd = parts.onEnd;
    this.#roundTrip = roundTrip;
    this.#options = options;
    this.#chosenUpTo = parts.firstSlot - 1;
    this.#nextSlot = parts.firstSlot + parts.inheritedSlots;
    this.#inheritedUpTo = this.#nextSlot - 1;
    this.#queue = new CommandQueue({
      clock: environment.clock,
      options,
      start: (proposals) => {
        this.#assignSlots(proposals);
      },
    });
    this.#heartbeats = new Heartbeats({
      environment,
      quorums: settings.quorums,
      lease: settings.lease,
      acceptors,
      ballot,
      chosenUpTo: () => this.#chosenUpTo,
      onEnd: (end) => {
        this.end(end);
      },
      roundTrip,
      options,
    });
  }

  /** Commands that are proposed or wait to be. */
  get pending(): number {
    return this.#queue.length + this.#proposals.size;
  }

  get hasEnded(): boolean {
    return this.#ended;
  }

  /** Whether enough followers have answered lately. */
  get hasQuorum(): boolean {
    return this.#heartbeats.hasQuorum;
  }

  /** The peer that answered last: the likeliest to lead well after this one. */
  get successor(): ServerId | undefined {
    return this.#heartbeats.latestFirst[1];
  }

  /** First of all the inherited slots are proposed again, under the own ballot. */
  start(inherited: readonly Entry[]): void {
    this.#heartbeats.start();
    for (let from = 0; from < inherited.length;) {
      const to = from + roundLength(inherited, from, this.#options);
      this.#propose(inherited.slice(from, to), true);
      from = to;
    }
  }

  /** Has the value chosen in a slot of its own, and answers when all slots up to it are applied here. */
  propose(value: Value): Promise<CommandReply> {
    if (this.#ended || this.#isClosed) return Promise.resolve({ kind: 'not-leading' });
    if (this.#queue.isFull) return Promise.resolve({ kind: 'overloaded' });
    return new Promise((settle) => {
      this.#queue.add({ value, settle });
    });
  }

  /**
   * A slot whose state shows every command that was answered before this call; undefined if this server leads no more.
   * Earlier leaders may have answered for any inherited slot, so the state must hold those too, chosen again or not yet.
   * And followers may have learned from each other, past a hole here, what only the own learner knows to be chosen.
   */
  async readIndex(): Promise<{ slot: Slot; chosenUpTo: Slot } | undefined> {
    const slot = Math.max(this.#chosenUpTo, this.#inheritedUpTo, this.#learner.highestChosen);
    const isLeader = this.#heartbeats.hasLease || (await this.#heartbeats.confirm());
    return isLeader ? { slot, chosenUpTo: this.#chosenUpTo } : undefined;
  }

  /** Takes no more commands; those that are under way or wait go on. */
  close(): void {
    this.#isClosed = true;
  }

  /** Commands that were never sent are surely not proposed; of the others nobody knows. */
  end(end: End): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#heartbeats.stop();
    const { ballot } = this;
    this.#environment.trace(() => ({ kind: 'stepped-down', ballot, reason: end.reason }));
    for (const { settle } of this.#queue.clear()) settle({ kind: 'not-leading' });
    for (const { settle } of this.#proposals.values()) settle({ kind: 'overtaken' });
    this.#proposals.clear();
    this.#onEnd(end);
  }

  #assignSlots(proposals: readonly Proposal[]): void {
    const entries = proposals.map((proposal) => {
      const slot = this.#nextSlot++;
      this.#proposals.set(slot, proposal);
      return { slot, value: proposal.value };
    });
    this.#propose(entries, false);
  }

  #propose(entries: readonly Entry[], adopted: boolean): void {
    this.#queue.roundStarted();
    const { ballot } = this;
    for (const { slot, value } of entries)
      this.#environment.trace(() => ({ kind: 'accept-sent', slot, ballot, value: value.id, adopted }));
    this.#accept(entries)
      .then(() => {
        this.#queue.roundEnded();
      })
      .catch(this.#environment.fail);
  }

  /** Phase 2a, until a quorum has voted or this server leads no more. */
  async #accept(entries: readonly Entry[]): Promise<void> {
    while (!this.#ended) {
      const request = { ballot: this.ballot, entries, chosenUpTo: this.#chosenUpTo };
      this.#heartbeats.told(this.#chosenUpTo);
      const { patienceMs } = this.#roundTrip;
      const verdict = await gather<AcceptReply, Verdict>({
        members: this.#settings.quorums.members,
        first: this.#vanguard(),
        clock: this.#environment.clock,
        resendMs: Math.max(this.#options.resendMs, patienceMs),
        deadlineMs: Math.max(this.#options.phaseTimeoutMs, 4 * patienceMs),
        ask: (member) => this.#ask(member, request),
        decide: (replies) => this.#count(entries, replies),
      });
      if (verdict?.kind === 'rejected') this.end({ reason: 'overtaken', by: verdict.by });
      if (verdict?.kind !== 'chosen') continue;
      this.#choose(entries);
      return;
    }
  }

  async #ask(
    member: ServerId,
    request: { ballot: Ballot; entries: readonly Entry[]; chosenUpTo: Slot },
  ): Promise<AcceptReply> {
    const acceptor = this.#acceptors.get(member);
    if (acceptor === undefined) throw new RangeError(`no acceptor for server ${member}`);
    const call = acceptor.accept(request as { ballot: Ballot; entries: Entry[]; chosenUpTo: Slot });
    const reply = await this.#roundTrip.measure(this.#environment.clock, call);
    if (reply.kind === 'accepted') this.#heartbeats.answered(member);
    return reply;
  }

  /** The verdict over the votes for these entries, of distinct acceptors and under this very ballot. */
  #count(entries: readonly Entry[], replies: ReadonlyMap<ServerId, AcceptReply>): Verdict | undefined {
    if (this.#ended) return { kind: 'ended' };
    const floors = new Map<ServerId, Slot>();
    for (const [member, reply] of replies) {
      if (reply.kind === 'rejected') return { kind: 'rejected', by: reply.promised };
      if (compareBallots(reply.ballot, this.ballot) === 0) floors.set(member, reply.floor);
    }
    const hasVotesFrom = (slot: Slot): boolean => {
      const voters = [...floors].filter(([, floor]) => floor <= slot).map(([member]) => member);
      return this.#settings.quorums.isPhase2Quorum(new Set(voters));
    };
    const first = entries[0]?.slot ?? 0;
    if (hasVotesFrom(first)) return { kind: 'chosen' };
    const floor = Math.max(0, ...floors.values());
    if (floor <= first) return undefined;
    // Chosen under another ballot, with whatever value: only a new phase 1 tells what is left to propose.
    if (this.#learner.knows(first)) return { kind: 'rejected', by: this.ballot };
    this.#repair(floor - 1).catch(this.#environment.fail);
    return undefined;
  }

  /** What is chosen behind a hole is answered when the hole is closed. */
  #choose(entries: readonly Entry[]): void {
    if (this.#ended) return;
    const { ballot } = this;
    for (const { slot, value } of entries) {
      this.#environment.trace(() => ({ kind: 'chosen', slot, ballot, value: value.id }));
      this.#chosen.add(slot);
    }
    this.#learner.learnAll(entries, ballot);
    while (this.#chosen.delete(this.#chosenUpTo + 1)) {
      const slot = ++this.#chosenUpTo;
      this.#proposals.get(slot)?.settle({ kind: 'chosen', slot });
      this.#proposals.delete(slot);
    }
    this.#heartbeats.noticeSoon();
  }

  /** With thrifty sending a smallest quorum is asked first, of those that answered last. */
  #vanguard(): Vanguard<AcceptReply> | undefined {
    const { thrifty, quorums } = this.#settings;
    if (!thrifty) return undefined;
    return {
      members: quorums.phase2Example(this.#heartbeats.latestFirst, this.#heartbeats.silent),
      isRefusal: ({ kind }) => kind === 'rejected',
    };
  }
}
