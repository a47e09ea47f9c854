import { NO_BALLOT, compareBallots, type Ballot, type Slot } from '../core/ballot';
import { slotKey, slotOfKey } from '../core/keys';
import { APPLIED } from '../protocols/log/stored-state';
import type { Value } from '../protocols/log/messages';
import * as multiPaxos from '../protocols/multi-paxos/acceptor';
import type { Entry } from '../protocols/multi-paxos/messages';
import * as paxos from '../protocols/paxos/acceptor';
import type { Proposal } from '../protocols/paxos/messages';
import type { ProtocolName } from '../protocols/registry';
import type { Disk } from './disk';

interface Asked {
  readonly slot: Slot;
  readonly ballot: Ballot;
}

interface AskedForAll {
  readonly ballot: Ballot;
  readonly entries: readonly Entry[];
}

/** Of an answer: it is no vote for slots below this. */
interface Answered {
  readonly floor?: Slot;
}

/** How a protocol's acceptor keeps on its disk what it must not forget. The requests are those that it answered. */
export interface AcceptorDisk {
  holdsPromise(disk: Disk, request: Asked & AskedForAll): boolean;
  holdsVotes(disk: Disk, request: Asked & AskedForAll, answer: Answered): boolean;
  /** The value voted for last in the slot; `applied` once the stored state holds it. */
  held(disk: Disk, slot: Slot): Value | 'applied' | undefined;
}

/** A promise and a vote for each slot. */
const PER_SLOT: AcceptorDisk = {
  holdsPromise(disk, { slot, ballot }) {
    const promised = (read(disk, slotKey(paxos.PROMISED, slot)) as Ballot | undefined) ?? NO_BALLOT;
    return compareBallots(promised, ballot) >= 0 || hasVoted(disk, slot, ballot);
  },
  holdsVotes: (disk, { slot, ballot }) => hasVoted(disk, slot, ballot),
  held: (disk, slot) => (isApplied(disk, slot) ? 'applied' : proposalIn(disk, slot)?.value),
};

/** One promise for all slots; the votes of one message together. */
const FOR_ALL_SLOTS: AcceptorDisk = {
  holdsPromise(disk, { ballot }) {
    const promised = (read(disk, multiPaxos.PROMISED) as Ballot | undefined) ?? NO_BALLOT;
    return compareBallots(promised, ballot) >= 0;
  },
  holdsVotes(disk, request, { floor = 0 }) {
    if (!FOR_ALL_SLOTS.holdsPromise(disk, request)) return false;
    const [first] = request.entries;
    const together =
      first && (read(disk, keyOf(first.slot, request.ballot)) as multiPaxos.StoredVotes | undefined);
    if (together?.entries.length === request.entries.length) return true;
    return request.entries.every(({ slot }) => {
      const [last] = votesIn(disk, slot);
      return (
        slot < floor ||
        isApplied(disk, slot) ||
        (last !== undefined && compareBallots(last.ballot, request.ballot) >= 0)
      );
    });
  },
  held(disk, slot) {
    if (isApplied(disk, slot)) return 'applied';
    const [last] = votesIn(disk, slot);
    const stored = last && (read(disk, last.key) as multiPaxos.StoredVotes);
    return stored?.entries.find((entry) => entry.slot === slot)?.value;
  },
};

export const ACCEPTOR_DISKS: Readonly<Record<ProtocolName, AcceptorDisk>> = {
  paxos: PER_SLOT,
  'multi-paxos': FOR_ALL_SLOTS,
};

function read(disk: Disk, key: string): unknown {
  const text = disk.durableText(key);
  return text === undefined ? undefined : JSON.parse(text);
}

function isApplied(disk: Disk, slot: Slot): boolean {
  return ((read(disk, APPLIED) as Slot | undefined) ?? 0) >= slot;
}

function hasVoted(disk: Disk, slot: Slot, ballot: Ballot): boolean {
  const voted = proposalIn(disk, slot)?.ballot ?? NO_BALLOT;
  return compareBallots(voted, ballot) >= 0 || isApplied(disk, slot);
}

function proposalIn(disk: Disk, slot: Slot): Proposal | undefined {
  return read(disk, slotKey(paxos.ACCEPTED, slot)) as Proposal | undefined;
}

function keyOf(slot: Slot, { round, server }: Ballot): string {
  return `${slotKey(multiPaxos.ACCEPTED, slot)}/${round}.${server}`;
}

function* storedVotes(disk: Disk): Iterable<{ key: string; first: Slot; ballot: Ballot }> {
  for (const key of disk.durableKeys(multiPaxos.ACCEPTED)) {
    const separator = key.lastIndexOf('/');
    const first = slotOfKey(multiPaxos.ACCEPTED, key.slice(0, separator)) ?? 0;
    const [round = 0, server = 0] = key
      .slice(separator + 1)
      .split('.')
      .map(Number);
    yield { key, first, ballot: { round, server } };
  }
}

/** The messages with a vote in this slot, the last one first. */
function votesIn(disk: Disk, slot: Slot): { key: string; ballot: Ballot }[] {
  return [...storedVotes(disk)]
    .filter(({ key, first }) => {
      if (first > slot) return false;
      const { entries } = read(disk, key) as multiPaxos.StoredVotes;
      return entries.some((entry) => entry.slot === slot);
    })
    .sort((a, b) => compareBallots(b.ballot, a.ballot));
}
