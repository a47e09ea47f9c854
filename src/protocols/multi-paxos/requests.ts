import { compareBallots, type Ballot, type ServerId, type Slot } from '../../core/ballot';
import type { Cancel, Environment } from '../../core/environment';
import { isFatal } from '../../core/errors';
import type { RoundTrip } from '../../core/round-trip';
import type { Value } from '../log/messages';
import type { Follower } from './follower';
import type { Leader } from './leader';
import type { CommandReply, LeaderService } from './messages';

export interface RequestOptions {
  /** First pause before an unanswered request to the leader is sent again, at least; doubles. */
  readonly requestResendMs: number;
}

/**
 * What became of a request to whoever leads. `unreachable`: no leader took it, and none will for this request;
 * `unknown`: one may have.
 */
export type Proposed =
  | { readonly kind: 'chosen'; readonly slot: Slot }
  | { readonly kind: 'overloaded' | 'unreachable' | 'unknown' };

/** Brings a request to the leader, wherever that is: to the own one as to another server's. */
export class Requests {
  readonly #environment: Environment;
  readonly #follower: Follower;
  readonly #leader: () => Leader | undefined;
  readonly #peers: ReadonlyMap<ServerId, LeaderService>;
  readonly #roundTrip: RoundTrip;
  readonly #options: RequestOptions;

  constructor(parts: {
    environment: Environment;
    follower: Follower;
    /** The own leader, while this server leads. */
    leader: () => Leader | undefined;
    peers: ReadonlyMap<ServerId, LeaderService>;
    roundTrip: RoundTrip;
    options: RequestOptions;
  }) {
    this.#environment = parts.environment;
    this.#follower = parts.follower;
    this.#leader = parts.leader;
    this.#peers = parts.peers;
    this.#roundTrip = parts.roundTrip;
    this.#options = parts.options;
  }

  /**
   * Has the value chosen by one leader; waits for one until `deadline`. It is not brought to a second one. `attempt`
   * counts the calls for this value, from 1 on.
   */
  async propose(value: Value, deadline: number, attempt: number): Promise<Proposed> {
    for (;;) {
      if (!(await this.#hears(undefined, deadline))) return { kind: 'unreachable' };
      const { ballot } = this.#follower;
      const reply = await this.#proposeTo({ ballot, value, attempt }, deadline);
      if (reply?.kind === 'chosen') {
        this.#follower.heard(ballot, reply.slot);
        return reply;
      }
      if (reply?.kind === 'overloaded') return reply;
      if (reply?.kind !== 'not-leading') return { kind: 'unknown' };
      if (!(await this.#hears(ballot, deadline))) return { kind: 'unreachable' };
    }
  }

  /** The slot up to which a read must see; undefined if no leader confirms one until `deadline`. */
  async readIndex(deadline: number): Promise<Slot | undefined> {
    for (;;) {
      if (!(await this.#hears(undefined, deadline))) return undefined;
      const { ballot } = this.#follower;
      const index = await this.#readIndexAt(ballot, deadline);
      if (index !== undefined) {
        this.#follower.heard(ballot, index.chosenUpTo);
        return index.slot;
      }
      if (!(await this.#hears(ballot, deadline))) return undefined;
    }
  }

  async #proposeTo(
    request: { ballot: Ballot; value: Value; attempt: number },
    deadline: number,
  ): Promise<CommandReply | undefined> {
    const { ballot, value } = request;
    const leader = this.#ownLeader(ballot);
    if (leader !== undefined) return this.#within(deadline, leader.propose(value));
    const peer = this.#peers.get(ballot.server);
    if (peer === undefined) return { kind: 'not-leading' };
    return this.#ask(ballot, deadline, () => peer.propose(request));
  }

  async #readIndexAt(
    ballot: Ballot,
    deadline: number,
  ): Promise<{ slot: Slot; chosenUpTo: Slot } | undefined> {
    const leader = this.#ownLeader(ballot);
    if (leader !== undefined) return this.#within(deadline, leader.readIndex());
    const peer = this.#peers.get(ballot.server);
    const reply = peer && (await this.#ask(ballot, deadline, () => peer.readIndex({ ballot })));
    return reply?.kind === 'index' ? reply : undefined;
  }

  /** Again and again until it is answered, or another leader is heard: this one may be gone. */
  #ask<Reply>(ballot: Ballot, deadline: number, call: () => Promise<Reply>): Promise<Reply | undefined> {
    const { clock } = this.#environment;
    return new Promise((resolve, reject) => {
      let cancelTimer: Cancel;
      const finish = (reply: Reply | undefined): void => {
        cancelTimer();
        cancelWatch();
        resolve(reply);
      };
      const send = (pauseMs: number): void => {
        const leftMs = deadline - clock.now();
        cancelTimer = clock.after(Math.max(0, Math.min(pauseMs, leftMs)), () => {
          if (leftMs <= pauseMs) finish(undefined);
          else send(2 * pauseMs);
        });
        // A call without an answer is made good by the next.
        call().then(finish, (error: unknown) => {
          if (isFatal(error)) reject(error);
        });
      };
      const cancelWatch = this.#follower.watch(() => {
        if (compareBallots(this.#follower.ballot, ballot) !== 0) finish(undefined);
      });
      send(Math.max(this.#options.requestResendMs, this.#roundTrip.patienceMs));
    });
  }

  /** Undefined when the deadline comes first. */
  #within<Reply>(deadline: number, answer: Promise<Reply>): Promise<Reply | undefined> {
    const { clock } = this.#environment;
    return new Promise((resolve, reject) => {
      const cancelTimer = clock.after(Math.max(0, deadline - clock.now()), () => {
        resolve(undefined);
      });
      answer.then((reply) => {
        cancelTimer();
        resolve(reply);
      }, reject);
    });
  }

  #ownLeader(ballot: Ballot): Leader | undefined {
    const leader = this.#leader();
    return leader !== undefined && compareBallots(leader.ballot, ballot) === 0 ? leader : undefined;
  }

  /** Waits for a leader that is heard, other than that of `than`; false if none comes in time. */
  #hears(than: Ballot | undefined, deadline: number): Promise<boolean> {
    const { clock } = this.#environment;
    const follower = this.#follower;
    const isThere = (): boolean =>
      follower.hearsLeader && (than === undefined || compareBallots(follower.ballot, than) !== 0);
    if (isThere()) return Promise.resolve(true);
    return new Promise((resolve) => {
      const finish = (isHeard: boolean): void => {
        cancelTimer();
        cancelWatch();
        resolve(isHeard);
      };
      const cancelTimer = clock.after(Math.max(0, deadline - clock.now()), () => {
        finish(false);
      });
      const cancelWatch = follower.watch(() => {
        if (isThere()) finish(true);
      });
    });
  }
}
