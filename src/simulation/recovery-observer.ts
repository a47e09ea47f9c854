import {
  NO_BALLOT,
  compareBallots,
  formatBallot,
  type Ballot,
  type ServerId,
  type Slot,
} from '../core/ballot';
import type { ProtocolEvent } from '../core/events';
import type { Observer } from './observer';
import type { Rehearsal } from './rehearsal';
import type { ReplayedState } from './replayed-state';

interface Said {
  ballot: Ballot;
  value: string;
}

/** In place of a slot: a promise that holds in all of them. */
const ALL_SLOTS = 0;

/**
 * Holds what a restart of a server would recover from its disk against what the server has said and what was chosen:
 * promises and votes that it has told to anybody are there [Paxos Made Simple, 2.5], every value in its log is the one
 * chosen in its slot, and its state is the one that the chosen commands up to there give.
 */
export class RecoveryObserver {
  readonly #observer: Observer;
  readonly #replayed: ReplayedState;
  readonly #promised = new Map<ServerId, Map<Slot, Ballot>>();
  readonly #voted = new Map<ServerId, Map<Slot, Said>>();
  /** How much was compared, by kind. */
  readonly compared = new Map<string, number>();

  constructor(observer: Observer, replayed: ReplayedState) {
    this.#observer = observer;
    this.#replayed = replayed;
    observer.watch((server, event) => {
      this.#see(server, event);
    });
  }

  /** Looks at what the server would recover now. */
  async compare(server: ServerId, rehearsal: Rehearsal): Promise<void> {
    this.#count('restarts rehearsed');
    await this.#compareLog(server, rehearsal);
    this.#compareState(server, rehearsal);
    await this.#comparePromises(server, rehearsal);
    await this.#compareVotes(server, rehearsal);
  }

  #see(server: ServerId, event: ProtocolEvent): void {
    if (event.kind !== 'promised' && event.kind !== 'accepted') return;
    const promised = of(this.#promised, server);
    const slot = event.onwards === true ? ALL_SLOTS : event.slot;
    if (compareBallots(event.ballot, promised.get(slot) ?? NO_BALLOT) > 0) promised.set(slot, event.ballot);
    if (event.kind !== 'accepted') return;
    const voted = of(this.#voted, server);
    const before = voted.get(event.slot);
    if (before === undefined || compareBallots(event.ballot, before.ballot) > 0)
      voted.set(event.slot, { ballot: event.ballot, value: event.value });
  }

  async #compareLog(server: ServerId, rehearsal: Rehearsal): Promise<void> {
    for (const { slot, value } of await rehearsal.log()) {
      this.#count('values of recovered logs compared');
      const chosen = this.#observer.chosenIn(slot);
      if (chosen !== value.id)
        this.#observer.fail(
          'recovered but not chosen',
          `the log of server ${server} says after a restart that slot ${slot} holds ${value.id}; chosen: ${String(chosen)}`,
        );
    }
  }

  #compareState(server: ServerId, { applied, records }: Rehearsal): void {
    this.#count('recovered states compared');
    const difference = this.#replayed.difference(applied, records);
    if (difference !== undefined)
      this.#observer.fail(
        'recovered another state',
        `server ${server} after a restart, as of slot ${applied}: ${difference}`,
      );
  }

  async #comparePromises(server: ServerId, rehearsal: Rehearsal): Promise<void> {
    for (const [slot, said] of of(this.#promised, server)) {
      if (slot !== ALL_SLOTS && slot < rehearsal.floor) continue;
      this.#count('recovered promises compared');
      const promised = await rehearsal.promised(slot === ALL_SLOTS ? rehearsal.floor : slot);
      // The lowest ballot there is is no higher than what was promised, and so tells nothing.
      if (promised === undefined || (promised.round === 0 && said.round === 1 && said.server === 0)) continue;
      if (compareBallots(promised, said) < 0)
        this.#observer.fail(
          'promise forgotten',
          `server ${server} had promised ${formatBallot(said)}, and after a restart knows of ${formatBallot(promised)}`,
        );
    }
  }

  async #compareVotes(server: ServerId, rehearsal: Rehearsal): Promise<void> {
    const voted = of(this.#voted, server);
    const { floor } = rehearsal;
    const slots = [...voted.keys()].filter((slot) => slot >= floor);
    const votes = await rehearsal.votes(slots);
    for (const slot of slots) {
      const said = voted.get(slot);
      if (said === undefined) continue;
      this.#count('recovered votes compared');
      const vote = votes.get(slot);
      const comparison = compareBallots(vote?.ballot ?? NO_BALLOT, said.ballot);
      if (comparison < 0 || (comparison === 0 && vote?.value.id !== said.value))
        this.#observer.fail(
          'vote forgotten',
          `server ${server} had voted in slot ${slot} for ${said.value} under ${formatBallot(said.ballot)}, ` +
            `and after a restart knows of ${vote === undefined ? 'no vote' : `${vote.value.id} under ${formatBallot(vote.ballot)}`}`,
        );
    }
  }

  #count(what: string): void {
    this.compared.set(what, (this.compared.get(what) ?? 0) + 1);
  }
}

function of<Kept>(all: Map<ServerId, Map<Slot, Kept>>, server: ServerId): Map<Slot, Kept> {
  let kept = all.get(server);
  if (kept === undefined) all.set(server, (kept = new Map<Slot, Kept>()));
  return kept;
}
