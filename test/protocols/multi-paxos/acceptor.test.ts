import { describe, expect, test } from '@jest/globals';
import { NO_BALLOT, compareBallots, formatBallot, type Ballot, type Slot } from '../../../src/core/ballot';
import type { Change, Environment } from '../../../src/core/environment';
import type { Json } from '../../../src/core/json';
import type { Value } from '../../../src/protocols/log/messages';
import { Acceptor, PROMISED, type AppliedSlots } from '../../../src/protocols/multi-paxos/acceptor';
import type { Entry, Vote } from '../../../src/protocols/multi-paxos/messages';

/** A learner that has learned nothing. */
const NOTHING = { applied: 0, chosenIn: (): Value | undefined => undefined };
const OPTIONS = { pieceSlots: 1000, pieceCharacters: 1e6 };
const LOW = { round: 2, server: 1 };
/** As text it comes before LOW. */
const HIGH = { round: 10, server: 0 };

/** A ballot has one value in a slot. */
function entriesOf(ballot: Ballot, ...slots: Slot[]): Entry[] {
  return slots.map((slot) => ({ slot, value: { id: `${formatBallot(ballot)} in ${slot}`, command: 'x' } }));
}

/** What an acceptor has, that all its incarnations share. */
class Disk {
  readonly entries = new Map<string, Json>();
  writes = 0;

  commit(changes: readonly Change[]): void {
    if (changes.length > 0) this.writes++;
    for (const { key, value } of changes)
      if (value === undefined) this.entries.delete(key);
      else this.entries.set(key, structuredClone(value));
  }

  boot(options: Partial<typeof OPTIONS> = {}, learner: AppliedSlots = NOTHING): Acceptor {
    const write = (changes: readonly Change[]): Promise<void> => {
      this.commit(changes);
      return Promise.resolve();
    };
    const environment = { storage: { write }, trace: () => undefined } as unknown as Environment;
    const acceptor = new Acceptor(environment, { ...OPTIONS, ...options }, learner);
    for (const key of [...this.entries.keys()].sort()) acceptor.recover(key, this.entries.get(key)!);
    return acceptor;
  }
}

/** Any step of one acceptor; the floor is moved as the learner does it, in one write. */
type Step =
  | { readonly kind: 'prepare'; readonly ballot: Ballot }
  | { readonly kind: 'accept'; readonly ballot: Ballot; readonly slots: readonly Slot[] }
  | { readonly kind: 'truncate'; readonly floor: Slot }
  | { readonly kind: 'restart' };

const BALLOTS: readonly Ballot[] = [{ round: 1, server: 0 }, LOW, HIGH];
const STEPS: readonly Step[] = [
  ...BALLOTS.map((ballot) => ({ kind: 'prepare' as const, ballot })),
  ...BALLOTS.flatMap((ballot) =>
    [[1], [2], [1, 2], [2, 3]].map((slots) => ({ kind: 'accept' as const, ballot, slots })),
  ),
  { kind: 'truncate', floor: 2 },
  { kind: 'restart' },
];
const LONGEST = 3;

/** The acceptor as the papers have it, for all slots: a promise, a vote per slot, and a floor. */
class Model {
  promised: Ballot = NO_BALLOT;
  votes = new Map<Slot, Vote>();
  floor: Slot = 1;

  take(step: Step): 'promised' | 'accepted' | 'rejected' | undefined {
    if (step.kind === 'restart') return undefined;
    if (step.kind === 'truncate') {
      this.floor = Math.max(this.floor, step.floor);
      for (const slot of [...this.votes.keys()]) if (slot < this.floor) this.votes.delete(slot);
      return undefined;
    }
    if (compareBallots(step.ballot, this.promised) < 0) return 'rejected';
    this.promised = step.ballot;
    if (step.kind === 'prepare') return 'promised';
    for (const { slot, value } of entriesOf(step.ballot, ...step.slots))
      if (slot >= this.floor) this.votes.set(slot, { slot, ballot: step.ballot, value });
    return 'accepted';
  }
}

async function take(acceptor: Acceptor, step: Step, disk: Disk): Promise<string | undefined> {
  switch (step.kind) {
    case 'prepare':
      return (await acceptor.prepare({ ballot: step.ballot, from: 1 })).kind;
    case 'accept':
      return (await acceptor.accept({ ballot: step.ballot, entries: entriesOf(step.ballot, ...step.slots) }))
        .kind;
    case 'truncate':
      disk.commit(acceptor.truncate(step.floor));
      return undefined;
    case 'restart':
      return undefined;
  }
}

/** What the acceptor says differs from what the model has. */
function difference(acceptor: Acceptor, model: Model): string[] {
  const differs = compareBallots(acceptor.promised, model.promised) !== 0 ? ['promise'] : [];
  for (const slot of [1, 2, 3]) {
    const [vote, modelled] = [acceptor.voteIn(slot), model.votes.get(slot)];
    if (vote?.value.id !== modelled?.value.id) differs.push(`vote in ${slot}`);
  }
  return differs;
}

function* sequences(length: number): Generator<Step[]> {
  if (length === 0) yield [];
  else for (const steps of sequences(length - 1)) for (const step of STEPS) yield [...steps, step];
}

describe('an acceptor for all slots', () => {
  test('does in every short sequence of steps what the model does, and remembers it', async () => {
    const wrong: unknown[] = [];
    let count = 0;
    for (const steps of sequences(LONGEST)) {
      count++;
      const [disk, model] = [new Disk(), new Model()];
      let acceptor = disk.boot();
      for (const step of steps) {
        if (step.kind === 'restart') {
          acceptor = disk.boot();
          // The learner tells it where the log begins.
          acceptor.truncate(model.floor);
        }
        const said = await take(acceptor, step, disk);
        if (said !== model.take(step)) wrong.push({ steps, step, said });
      }
      const restarted = disk.boot();
      restarted.truncate(model.floor);
      for (const each of [acceptor, restarted])
        if (difference(each, model).length > 0) wrong.push({ steps, differs: difference(each, model) });
    }
    expect(count).toBe(STEPS.length ** LONGEST);
    expect(wrong.slice(0, 3)).toEqual([]);
  });

  test('promises for slots without a vote too', async () => {
    const acceptor = new Disk().boot();
    await acceptor.prepare({ ballot: HIGH, from: 1 });
    const reply = await acceptor.accept({ ballot: LOW, entries: entriesOf(LOW, 50) });
    expect(reply).toEqual({ kind: 'rejected', promised: HIGH });
    expect(acceptor.voteIn(50)).toBeUndefined();
  });

  test('promises with its vote, for other slots too', async () => {
    const acceptor = new Disk().boot();
    await acceptor.accept({ ballot: HIGH, entries: entriesOf(HIGH, 1) });
    expect(await acceptor.accept({ ballot: LOW, entries: entriesOf(LOW, 2) })).toMatchObject({
      kind: 'rejected',
    });
    expect(await acceptor.prepare({ ballot: LOW, from: 1 })).toMatchObject({ kind: 'rejected' });
    expect(acceptor.heartbeat({ ballot: LOW })).toEqual({ kind: 'rejected', promised: HIGH });
    expect(acceptor.heartbeat({ ballot: HIGH })).toMatchObject({ kind: 'following', ballot: HIGH });
  });

  test('takes back the vote of the highest ballot, whatever the order of the records', async () => {
    const disk = new Disk();
    const acceptor = disk.boot();
    await acceptor.accept({ ballot: LOW, entries: entriesOf(LOW, 4, 5, 6) });
    await acceptor.accept({ ballot: HIGH, entries: entriesOf(HIGH, 4, 5) });
    await acceptor.accept({ ballot: { round: 11, server: 0 }, entries: entriesOf(HIGH, 5) });
    const votes = [4, 5, 6].map((slot) => disk.boot().voteIn(slot)?.ballot);
    expect(votes).toEqual([HIGH, { round: 11, server: 0 }, LOW]);
  });

  test('keeps its promise when all the votes that it came with are dropped', async () => {
    const disk = new Disk();
    const acceptor = disk.boot();
    await acceptor.accept({ ballot: HIGH, entries: entriesOf(HIGH, 1, 2) });
    disk.commit(acceptor.truncate(3));
    expect([...disk.entries.keys()]).toEqual([PROMISED]);
    expect(disk.boot().promised).toEqual(HIGH);
  });

  test('drops a record when all its slots are below the floor, and not before', async () => {
    const disk = new Disk();
    const acceptor = disk.boot();
    await acceptor.accept({ ballot: LOW, entries: entriesOf(LOW, 1, 2, 3) });
    disk.commit(acceptor.truncate(3));
    expect(disk.boot().voteIn(3)?.ballot).toEqual(LOW);
    disk.commit(acceptor.truncate(4));
    expect(disk.entries.size).toBe(1);
  });

  test('casts no vote below the floor, and says where that is', async () => {
    const disk = new Disk();
    const acceptor = disk.boot();
    acceptor.truncate(3);
    const reply = await acceptor.accept({ ballot: LOW, entries: entriesOf(LOW, 2, 3) });
    expect(reply).toEqual({ kind: 'accepted', ballot: LOW, floor: 3 });
    expect([acceptor.voteIn(2), acceptor.voteIn(3)?.ballot]).toEqual([undefined, LOW]);
    expect(await acceptor.prepare({ ballot: HIGH, from: 1 })).toMatchObject({ floor: 3 });
  });

  test('casts no vote for another value where it knows what is chosen, and claims none', async () => {
    const disk = new Disk();
    const learner = { applied: 0, chosenIn: (slot: Slot) => entriesOf(HIGH, slot)[0]?.value };
    const acceptor = disk.boot({}, learner);
    await acceptor.accept({ ballot: LOW, entries: entriesOf(LOW, 1) });
    learner.applied = 2;
    const between = { round: 3, server: 0 };
    const reply = await acceptor.accept({ ballot: between, entries: entriesOf(between, 1, 2, 3) });
    expect(reply).toEqual({ kind: 'accepted', ballot: between, floor: 3 });
    for (const each of [acceptor, disk.boot()])
      expect([1, 2, 3].map((slot) => each.voteIn(slot)?.ballot)).toEqual([LOW, undefined, between]);
    expect(acceptor.promised).toEqual(between);
    // What is chosen gets votes, so that a new leader need not learn it elsewhere.
    expect(await acceptor.accept({ ballot: HIGH, entries: entriesOf(HIGH, 1, 2, 3) })).toMatchObject({
      floor: 1,
    });
    expect(disk.boot().voteIn(2)?.ballot).toEqual(HIGH);
  });

  test('reports the votes in pieces, from a slot on, and how far its server is', async () => {
    const learner = { ...NOTHING };
    const acceptor = new Disk().boot({ pieceSlots: 2 }, learner);
    await acceptor.accept({ ballot: LOW, entries: entriesOf(LOW, 1, 2, 4, 6, 9) });
    learner.applied = 7;
    const pieces: Slot[][] = [];
    for (let next: Slot | null = 2; next !== null;) {
      const reply = await acceptor.prepare({ ballot: HIGH, from: next });
      if (reply.kind !== 'promised') throw new Error('it must promise');
      expect(reply).toMatchObject({ ballot: HIGH, floor: 1, applied: 7 });
      pieces.push(reply.votes.map(({ slot }) => slot));
      next = reply.next;
    }
    expect(pieces).toEqual([
      [2, 4],
      [6, 9],
    ]);
  });

  test('ends a piece where it becomes too long', async () => {
    const acceptor = new Disk().boot({ pieceCharacters: 5 });
    const entries = [1, 2, 3].map((slot) => ({
      slot,
      value: { id: `${slot}`, command: { text: 'abcdef' } },
    }));
    await acceptor.accept({ ballot: LOW, entries });
    const reply = await acceptor.prepare({ ballot: HIGH, from: 1 });
    expect(reply).toMatchObject({ next: 2, votes: [{ slot: 1 }] });
  });

  test('writes nothing for what it has said already', async () => {
    const disk = new Disk();
    const acceptor = disk.boot();
    await acceptor.prepare({ ballot: LOW, from: 1 });
    await acceptor.accept({ ballot: LOW, entries: entriesOf(LOW, 1, 2) });
    const { writes } = disk;
    expect(writes).toBe(2);
    await acceptor.prepare({ ballot: LOW, from: 1 });
    expect(await acceptor.accept({ ballot: LOW, entries: entriesOf(LOW, 1, 2) })).toMatchObject({
      kind: 'accepted',
    });
    expect(disk.writes).toBe(writes);
  });

  test('takes two values of one ballot in a slot for a broken invariant', async () => {
    const acceptor = new Disk().boot();
    await acceptor.accept({ ballot: LOW, entries: entriesOf(LOW, 1) });
    const other = [{ slot: 1, value: { id: 'another', command: 'y' } }];
    await expect(acceptor.accept({ ballot: LOW, entries: other })).rejects.toThrow('one value in a slot');
  });
});
