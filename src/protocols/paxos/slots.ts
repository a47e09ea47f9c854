import type { ServerId, Slot } from '../../core/ballot';
import type { Clock, Environment } from '../../core/environment';
import type { RoundTrip } from '../../core/round-trip';

/** A server that proposed something this recently is expected to go on: so long, or so many round trips. */
const ACTIVE_MS = 60;
const ACTIVE_ROUND_TRIPS = 6;

/** What is known about the slots at this moment. */
export interface SlotKnowledge {
  readonly applied: Slot;
  knows(slot: Slot): boolean;
}

/**
 * Picks the slot for each proposal of this server, so that its own proposals never meet and those of different
 * servers seldom do. Which slot a server tries is free in Paxos; any choice is safe.
 *
 * Servers that propose at the same time would all try the first free slot, and all but one lose it. So they take
 * turns: slot s belongs to server s mod n of the n members; the turns of those that were not active a moment ago go
 * round among those that were. Views may differ and turns be missed; then ballots decide, and holes are filled.
 */
export class Slots {
  readonly #self: ServerId;
  readonly #members: readonly ServerId[];
  readonly #knowledge: SlotKnowledge;
  readonly #clock: Clock;
  readonly #roundTrip: RoundTrip;
  readonly #claimed = new Set<Slot>();
  readonly #lastActive = new Map<ServerId, number>();
  #highestSeen: Slot = 0;

  constructor(
    { self, members, clock }: Pick<Environment, 'self' | 'members' | 'clock'>,
    knowledge: SlotKnowledge,
    roundTrip: RoundTrip,
  ) {
    this.#self = self;
    this.#members = members;
    this.#knowledge = knowledge;
    this.#clock = clock;
    this.#roundTrip = roundTrip;
  }

  /** Somebody proposes in this slot. */
  see(slot: Slot): void {
    this.#highestSeen = Math.max(this.#highestSeen, slot);
  }

  /** This server has commands to propose. One that only fills holes does not count, or it would have to do so for ever. */
  noticeActive(server: ServerId): void {
    this.#lastActive.set(server, this.#clock.now());
  }

  /** The first slot that is this server's turn and neither known to be chosen nor being worked on here. */
  claim(): Slot {
    this.noticeActive(this.#self);
    const active = this.#active();
    let slot = this.#knowledge.applied + 1;
    while (this.#isTaken(slot) || !this.#isOwn(slot, active)) slot++;
    this.#claimed.add(slot);
    return slot;
  }

  /** Claims this very slot, unless it is taken. */
  claimIfFree(slot: Slot): boolean {
    if (this.#isTaken(slot)) return false;
    this.#claimed.add(slot);
    return true;
  }

  release(slot: Slot): void {
    this.#claimed.delete(slot);
  }

  /** Slots that others wait for because it is this server's turn there, `most` at most. */
  ownHoles(most: number): Slot[] {
    const active = this.#active();
    const holes: Slot[] = [];
    if (!active.includes(this.#self)) return holes;
    for (let slot = this.#knowledge.applied + 1; slot < this.#highestSeen && holes.length < most; slot++)
      if (!this.#isTaken(slot) && this.#isOwn(slot, active)) holes.push(slot);
    return holes;
  }

  #isTaken(slot: Slot): boolean {
    return this.#claimed.has(slot) || this.#knowledge.knows(slot);
  }

  #isOwn(slot: Slot, active: readonly ServerId[]): boolean {
    const { length } = this.#members;
    const first = this.#members[slot % length];
    if (first !== undefined && active.includes(first)) return first === this.#self;
    return active[Math.floor(slot / length) % active.length] === this.#self;
  }

  /** In the order of the members, so that servers with the same view agree. */
  #active(): ServerId[] {
    const since = this.#clock.now() - Math.max(ACTIVE_MS, ACTIVE_ROUND_TRIPS * this.#roundTrip.meanMs);
    return this.#members.filter((member) => (this.#lastActive.get(member) ?? -Infinity) >= since);
  }
}
