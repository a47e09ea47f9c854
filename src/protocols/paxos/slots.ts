import type { ServerId, Slot } from '../../core/ballot';
import type { Clock } from '../../core/environment';

/** A server that proposed something this recently is expected to go on. */
const ACTIVE_MS = 60;

/** What is known about the slots at this moment. */
export interface SlotKnowledge {
  readonly applied: Slot;
  knows(slot: Slot): boolean;
}

/**
 * Picks the slot for each proposal of this server, so that its own proposals never meet and those of different
 * servers seldom do. Which slot a server tries is free in Paxos; any choice is safe.
 *
 * Servers that propose at the same time would all try the first free slot, and all but one lose it. So the servers
 * that were active a moment ago take turns: slot s belongs to number s mod n of those n. Views may differ and
 * turns be missed; then ballots decide, and holes are filled.
 */
export class Slots {
  readonly #self: ServerId;
  readonly #knowledge: SlotKnowledge;
  readonly #clock: Clock;
  readonly #claimed = new Set<Slot>();
  readonly #lastActive = new Map<ServerId, number>();
  #highestSeen: Slot = 0;

  constructor(self: ServerId, knowledge: SlotKnowledge, clock: Clock) {
    this.#self = self;
    this.#knowledge = knowledge;
    this.#clock = clock;
  }

  /** Somebody proposes in this slot. */
  notice(proposer: ServerId, slot: Slot): void {
    this.#lastActive.set(proposer, this.#clock.now());
    this.#highestSeen = Math.max(this.#highestSeen, slot);
  }

  /** The first slot that is this server's turn and neither known to be chosen nor being worked on here. */
  claim(): Slot {
    this.#lastActive.set(this.#self, this.#clock.now());
    const turns = this.#turns();
    let slot = this.#knowledge.applied + 1;
    while (this.#isTaken(slot) || !this.#isOwn(slot, turns)) slot++;
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

  /** Slots that others wait for because it is this server's turn there. */
  ownHoles(): Slot[] {
    const turns = this.#turns();
    const holes: Slot[] = [];
    if (!turns.includes(this.#self) || turns.length === 1) return holes;
    for (let slot = this.#knowledge.applied + 1; slot < this.#highestSeen; slot++)
      if (!this.#isTaken(slot) && this.#isOwn(slot, turns)) holes.push(slot);
    return holes;
  }

  #isTaken(slot: Slot): boolean {
    return this.#claimed.has(slot) || this.#knowledge.knows(slot);
  }

  #isOwn(slot: Slot, turns: readonly ServerId[]): boolean {
    return turns[slot % turns.length] === this.#self;
  }

  #turns(): ServerId[] {
    const since = this.#clock.now() - ACTIVE_MS;
    const active: ServerId[] = [];
    for (const [server, at] of this.#lastActive) if (at >= since) active.push(server);
    return active.sort((a, b) => a - b);
  }
}
