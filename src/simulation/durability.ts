import { NO_BALLOT, compareBallots, type Ballot, type Slot } from '../core/ballot';
import { slotKey } from '../core/keys';
import { ACCEPTED, PROMISED } from '../protocols/paxos/acceptor';
import { APPLIED } from '../protocols/paxos/learner';
import type { Proposal } from '../protocols/paxos/messages';
import type { Disk } from './disk';
import type { Observer } from './observer';
import type { Place } from './virtual-time';

/** A server's machine, as far as its disk goes. */
export interface DiskOwner {
  readonly id: number;
  readonly isWiped: boolean;
  readonly host: { readonly disk: Disk };
}

interface Asked {
  readonly slot: Slot;
  readonly ballot: Ballot;
}

/**
 * Looks at the disks whenever somebody says something that a restart must not take back: an acceptor its promise or
 * vote, a server to its client that a write is done [Paxos Made Simple, 2.5].
 */
export class DurabilityObserver {
  readonly #observer: Observer;
  readonly #owners: () => readonly DiskOwner[];

  constructor(observer: Observer, owners: () => readonly DiskOwner[]) {
    this.#observer = observer;
    this.#owners = owners;
  }

  /** The server at `from` sends this answer to a peer. */
  answered(from: Place, method: string, params: unknown, answer: string): void {
    const isPromise = method === 'acceptor.prepare' && answer.startsWith('{"kind":"promised"');
    const isVote = method === 'acceptor.accept' && answer.startsWith('{"kind":"accepted"');
    const owner = this.#owners()[from];
    if (owner === undefined || !(isPromise || isVote)) return;
    const { slot, ballot } = params as Asked;
    const { disk } = owner.host;
    const voted = votedIn(disk, slot)?.ballot ?? NO_BALLOT;
    const promised = (read(disk, slotKey(PROMISED, slot)) as Ballot | undefined) ?? NO_BALLOT;
    const isDurable =
      compareBallots(voted, ballot) >= 0 || (isPromise && compareBallots(promised, ballot) >= 0);
    if (!isDurable && !isApplied(disk, slot))
      this.#observer.fail(
        'said before durable',
        `server ${from} answers ${method} for slot ${slot}, and its disk does not know it`,
      );
  }

  /** A client is told that its write is done, in this slot. */
  acknowledged(slot: Slot, client: string, sequence: number): void {
    const owners = this.#owners();
    const keepers = owners.filter(
      (owner) => owner.isWiped || this.#keeps(owner.host.disk, slot, client, sequence),
    );
    if (keepers.length <= owners.length / 2)
      this.#observer.fail(
        'acknowledged before durable',
        `write ${sequence} of ${client} in slot ${slot} is on ${keepers.length} of ${owners.length} disks`,
      );
  }

  #keeps(disk: Disk, slot: Slot, client: string, sequence: number): boolean {
    if (isApplied(disk, slot)) return true;
    const command = votedIn(disk, slot)?.value.command as
      { session?: Record<string, unknown> } | null | undefined;
    return command?.session?.['client'] === client && command.session['sequence'] === sequence;
  }
}

function read(disk: Disk, key: string): unknown {
  const text = disk.durableText(key);
  return text === undefined ? undefined : JSON.parse(text);
}

function votedIn(disk: Disk, slot: Slot): Proposal | undefined {
  return read(disk, slotKey(ACCEPTED, slot)) as Proposal | undefined;
}

function isApplied(disk: Disk, slot: Slot): boolean {
  return ((read(disk, APPLIED) as Slot | undefined) ?? 0) >= slot;
}
