import { compareBallots, maxBallot, type Ballot, type ServerId } from '../../core/ballot';
import type { Cancel, Environment } from '../../core/environment';
import { gather } from '../../core/gather';
import { standing, type QuorumSystem } from '../../core/quorum';
import type { RoundTrip } from '../../core/round-trip';
import type { Rounds } from '../log/rounds';
import type { Candidacy, Candidate } from './candidate';
import type { Follower } from './follower';
import type { AcceptorService, PreVoteReply } from './messages';

export interface ElectionOptions {
  /** A follower that has not heard its leader for a random time between these two campaigns. */
  readonly electionMinMs: number;
  readonly electionMaxMs: number;
  /** A server that starts campaigns after a random time up to this for each peer, which may start as well. */
  readonly startStepMs: number;
  /** First pause before silent servers are asked again for their pre-vote, at least; doubles. */
  readonly prepareResendMs: number;
}

export type Elected = Extract<Candidacy, { kind: 'elected' }> & { readonly ballot: Ballot };

/**
 * When to become the leader, and whom not to disturb. Elections need no care for safety, which ballots see to; all here
 * is about a cluster that has a leader soon and keeps it. Three rules, each for failures that the others leave open:
 * - a candidate asks first who would vote for it, and promises nothing by that (pre-vote), so that a server which was
 *   away does not come back with a high ballot;
 * - who hears a leader refuses (stickiness), so that a server which alone does not hear it gets nowhere; and who has just
 *   promised gives that candidate its time;
 * - a leader without a quorum steps down (see Heartbeats), or the second rule would protect it for ever
 * [Ongaro, 9.6; Howard and Abraham, Raft does not guarantee liveness in the face of network faults, 2020].
 */
export class Election {
  readonly #environment: Environment;
  readonly #quorums: QuorumSystem;
  readonly #acceptors: ReadonlyMap<ServerId, AcceptorService>;
  readonly #promised: () => Ballot;
  readonly #leads: () => boolean;
  readonly #follower: Follower;
  readonly #candidate: Candidate;
  readonly #rounds: Rounds;
  readonly #onElected: (elected: Elected) => void;
  readonly #roundTrip: RoundTrip;
  readonly #options: ElectionOptions;
  /** The highest round met. */
  #seen = 0;
  #attempt = 0;
  #promisedAt = -Infinity;
  #isCampaigning = false;
  #cancelTimer: Cancel | undefined;
  #stopped = false;

  constructor(parts: {
    environment: Environment;
    quorums: QuorumSystem;
    acceptors: ReadonlyMap<ServerId, AcceptorService>;
    /** What the own acceptor has promised. */
    promised: () => Ballot;
    /** Whether this server leads, with a quorum behind it. */
    leads: () => boolean;
    follower: Follower;
    candidate: Candidate;
    rounds: Rounds;
    onElected: (elected: Elected) => void;
    roundTrip: RoundTrip;
    options: ElectionOptions;
  }) {
    this.#environment = parts.environment;
    this.#quorums = parts.quorums;
    this.#acceptors = parts.acceptors;
    this.#promised = parts.promised;
    this.#leads = parts.leads;
    this.#follower = parts.follower;
    this.#candidate = parts.candidate;
    this.#rounds = parts.rounds;
    this.#onElected = parts.onElected;
    this.#roundTrip = parts.roundTrip;
    this.#options = parts.options;
  }

  /** The first election need not wait for a leader to fall silent: where there is one, its followers refuse. */
  start(): void {
    const others = this.#quorums.members.length - 1;
    this.campaignSoon(Math.min(this.#options.electionMinMs, others * this.#options.startStepMs));
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelTimer?.();
  }

  /** Campaigns within a random time up to `withinMs`, unless another leader is heard until then. */
  campaignSoon(withinMs: number): void {
    const { ballot } = this.#follower;
    const promisedAt = this.#promisedAt;
    const isLeaderless = (): boolean =>
      this.#promisedAt === promisedAt && compareBallots(this.#follower.ballot, ballot) === 0;
    this.#schedule(this.#environment.random.float() * withinMs, isLeaderless);
  }

  /** This server has just promised: whoever asked for it has some time to become the leader. */
  notePromise(): void {
    this.#promisedAt = this.#environment.clock.now();
  }

  /** Whether this server would promise `ballot` now. */
  preVote({ ballot }: { ballot: Ballot }): PreVoteReply {
    const promised = this.#promised();
    if (compareBallots(ballot, promised) <= 0) return { kind: 'refused', promised };
    const { electionMinMs } = this.#options;
    const hearsLeader = this.#leads() || this.#follower.silentMs < electionMinMs;
    const hasOther =
      (hearsLeader && ballot.server !== this.#follower.leader) ||
      (this.#environment.clock.now() - this.#promisedAt < electionMinMs && ballot.server !== promised.server);
    return hasOther ? { kind: 'refused', promised: null } : { kind: 'granted' };
  }

  /** Campaigns at once, though others may hear the leader still: it has asked for it. */
  takeOver(): void {
    this.#campaign(true).catch(this.#environment.fail);
  }

  /** Somebody has promised this ballot: one of this server that is to win must be higher. */
  noteBallot(ballot: Ballot): void {
    this.#seen = Math.max(this.#seen, ballot.round);
  }

  #schedule(delayMs: number, isLeaderless: () => boolean): void {
    this.#cancelTimer?.();
    if (this.#stopped) return;
    this.#cancelTimer = this.#environment.clock.after(delayMs, () => {
      if (this.#leads() || !isLeaderless()) this.#scheduleNext();
      else this.#campaign(false).catch(this.#environment.fail);
    });
  }

  #scheduleNext(): void {
    const { electionMinMs, electionMaxMs } = this.#options;
    // Drawn anew each time: servers that collided once do not go on colliding.
    const patienceMs = electionMinMs + this.#environment.random.float() * (electionMaxMs - electionMinMs);
    const leftMs = patienceMs - this.#quietMs;
    this.#schedule(leftMs > 0 ? leftMs : patienceMs, () => this.#quietMs >= electionMinMs);
  }

  /** How long nobody led and nobody campaigned with this server's promise. */
  get #quietMs(): number {
    return Math.min(this.#follower.silentMs, this.#environment.clock.now() - this.#promisedAt);
  }

  async #campaign(isAskedFor: boolean): Promise<void> {
    if (this.#isCampaigning || this.#stopped || this.#leads()) return;
    this.#isCampaigning = true;
    const { clock } = this.#environment;
    const startedAt = clock.now();
    try {
      // Those who granted it may have elected another one meanwhile.
      const isLeaderless = async (): Promise<boolean> =>
        (await this.#wouldWin()) && this.#follower.silentMs > clock.now() - startedAt;
      if (isAskedFor || (await isLeaderless())) await this.#stand();
    } finally {
      this.#isCampaigning = false;
      this.#scheduleNext();
    }
  }

  async #stand(): Promise<void> {
    const round = await this.#rounds.next(this.#highestRound());
    const ballot = { round, server: this.#environment.self };
    const candidacy = await this.#candidate.campaign(ballot, ++this.#attempt);
    if (candidacy.kind === 'rejected') this.noteBallot(candidacy.by);
    if (this.#stopped) return;
    this.#environment.trace(() => ({ kind: 'candidacy', ballot, outcome: candidacy.kind }));
    // An own promise of a higher ballot, made meanwhile, ends it before it begins.
    if (candidacy.kind !== 'elected' || compareBallots(this.#promised(), ballot) > 0) return;
    this.#attempt = 0;
    this.#onElected({ ...candidacy, ballot });
  }

  /** A phase-1 quorum would promise the next ballot. */
  async #wouldWin(): Promise<boolean> {
    const ballot = { round: this.#highestRound() + 1, server: this.#environment.self };
    const verdict = await gather<PreVoteReply, boolean>({
      members: this.#quorums.members,
      clock: this.#environment.clock,
      resendMs: Math.max(this.#options.prepareResendMs, this.#roundTrip.patienceMs),
      deadlineMs: this.#options.electionMinMs,
      ask: (member) => this.#acceptor(member).preVote({ ballot }),
      decide: (replies) => {
        const granted = new Set<ServerId>();
        const refused = new Set<ServerId>();
        for (const [member, reply] of replies) {
          (reply.kind === 'granted' ? granted : refused).add(member);
          if (reply.kind === 'refused' && reply.promised !== null) this.noteBallot(reply.promised);
        }
        const stands = standing(this.#quorums, 1, granted, refused);
        return stands === 'open' ? undefined : stands === 'reached';
      },
    });
    this.#environment.trace(() => ({ kind: 'pre-vote', ballot, won: verdict === true }));
    return verdict === true;
  }

  #highestRound(): number {
    const { round } = maxBallot(this.#promised(), this.#follower.ballot);
    return Math.max(this.#seen, round);
  }

  #acceptor(member: ServerId): AcceptorService {
    const acceptor = this.#acceptors.get(member);
    if (acceptor === undefined) throw new RangeError(`no acceptor for server ${member}`);
    return acceptor;
  }
}
