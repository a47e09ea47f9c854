import { describe, expect, test } from '@jest/globals';
import type { Learner } from '../../../src/protocols/log/learner';
import type { SnapshotPiece, SnapshotRequest } from '../../../src/protocols/log/messages';
import { fetchSnapshot } from '../../../src/protocols/log/snapshot';
import { valueOf } from '../paxos/bench';
import { virtualClock } from '../../support/virtual-clock';
import { entries, OPTIONS, rig, type Rig } from './rig';

describe('snapshots', () => {
  async function install({ world, learner }: Rig, from: Learner<string, string>): Promise<void> {
    const source = { learner: from, clock: virtualClock().clock, resendMs: 50 };
    const snapshot = await fetchSnapshot(source, () => undefined);
    await world.time.settled(learner.install(snapshot!.slot, snapshot!.records), 100);
  }

  /** What it answers, which is a piece. */
  async function pieceOf(learner: Learner<string, string>, request: SnapshotRequest): Promise<SnapshotPiece> {
    const answer = await learner.snapshot(request);
    expect(answer.kind).toBe('piece');
    return answer as SnapshotPiece;
  }

  test('a snapshot replaces what is behind it and leaves what is above it', async () => {
    const [ahead, behind] = [await rig(), await rig()];
    ahead.learner.learnAll(entries('a1', 'b2', 'c3'));
    behind.learner.learnAll([{ slot: 1, value: valueOf('a1') }]);
    behind.learner.learnAll([{ slot: 4, value: valueOf('d4') }]);
    await install(behind, ahead.learner);
    expect([behind.learner.applied, behind.learner.floor]).toEqual([4, 4]);
    expect([...behind.machine.values.keys()].sort()).toEqual(['a', 'b', 'c', 'd']);
    await behind.world.time.run(50);
    await behind.restart();
    expect([behind.learner.applied, behind.learner.floor]).toEqual([4, 4]);
    expect([...behind.machine.values.keys()].sort()).toEqual(['a', 'b', 'c', 'd']);
  });

  test('records that the snapshot does not have are gone, after a restart too', async () => {
    const parts = await rig();
    parts.learner.learnAll(entries('a1', 'b2'));
    await parts.world.time.settled(parts.learner.install(9, [['b', '9']]), 100);
    await parts.world.time.run(50);
    await parts.restart();
    expect([...parts.machine.values]).toEqual([['b', '9']]);
  });

  test('an older snapshot, or one as old as the state, is ignored', async () => {
    const { learner, machine } = await rig();
    learner.learnAll(entries('a1', 'a2', 'a3'));
    await learner.install(2, [['a', '2']]);
    await learner.install(3, [['a', 'other']]);
    expect([learner.applied, machine.values.get('a')]).toEqual([3, '3']);
  });

  test('its pieces are of one state, while the machine goes on', async () => {
    const { learner } = await rig();
    learner.learnAll(entries('a1', 'b1', 'c1'));
    const first = await pieceOf(learner, { offer: null, from: 0 });
    learner.learnAll([{ slot: 4, value: valueOf('c2') }]);
    const second = await pieceOf(learner, { offer: first.offer, from: 2 });
    expect([first.slot, first.count, second.slot, second.offer]).toEqual([3, 3, 3, first.offer]);
    expect([...first.records, ...second.records]).toEqual([
      ['a', '1'],
      ['b', '1'],
      ['c', '1'],
    ]);
  });

  test('whoever asks for a piece of an offer that is not there is told to begin anew', async () => {
    const { learner } = await rig();
    learner.learnAll(entries('a1', 'b1', 'c1'));
    expect(await learner.snapshot({ offer: '0.1.7', from: 2 })).toEqual({ kind: 'expired' });
  });

  test('a new offer begins at its first record, whatever else is asked for', async () => {
    const { learner } = await rig();
    learner.learnAll(entries('a1', 'b1', 'c1'));
    expect(await pieceOf(learner, { offer: null, from: 2 })).toMatchObject({ from: 0, digest: null });
  });

  test('a server that has applied nothing offers nothing', async () => {
    const { learner } = await rig();
    expect(await learner.snapshot({ offer: null, from: 0 })).toEqual({ kind: 'nothing' });
    learner.learnAll([{ slot: 2, value: valueOf('a2') }]);
    expect(await learner.snapshot({ offer: null, from: 0 })).toEqual({ kind: 'nothing' });
  });

  test('askers share an offer for as long as the log goes on from it; two that differ are kept', async () => {
    const { learner } = await rig();
    const offerAfter = async (...commands: string[]): Promise<string> => {
      const from = learner.applied + 1;
      learner.learnAll(commands.map((command, i) => ({ slot: from + i, value: valueOf(command) })));
      return (await pieceOf(learner, { offer: null, from: 0 })).offer;
    };
    const first = await offerAfter('a1', 'b1', 'c1');
    expect(await offerAfter('a2')).toBe(first);
    const second = await offerAfter('a3', 'a4', 'a5', 'a6', 'a7', 'a8');
    expect(second).not.toBe(first);
    expect(await pieceOf(learner, { offer: first, from: 2 })).toMatchObject({
      slot: 3,
      records: [['c', '1']],
    });
    expect(await pieceOf(learner, { offer: second, from: 2 })).toMatchObject({ slot: 10 });
    const third = await offerAfter('b2', 'b3', 'b4', 'b5', 'b6', 'b7', 'b8');
    expect(await learner.snapshot({ offer: first, from: 2 })).toEqual({ kind: 'expired' });
    expect(await pieceOf(learner, { offer: second, from: 2 })).toMatchObject({ slot: 10 });
    expect(await pieceOf(learner, { offer: third, from: 2 })).toMatchObject({ slot: 17 });
  });

  describe('while a peer fetches a snapshot', () => {
    /** Slots after the snapshot of slot 3. */
    const learn = (learner: Learner<string, string>, from: number, to: number): void => {
      for (let slot = from; slot <= to; slot++) learner.learnAll([{ slot, value: valueOf(`a${slot}`) }]);
    };
    async function offering(offeredLog = { slots: 20, characters: 1000 }): Promise<Rig> {
      const parts = await rig({
        ...OPTIONS,
        log: { slots: 0, characters: 1000 },
        offeredLog,
        checkpointSlots: 1,
      });
      learn(parts.learner, 1, 3);
      await pieceOf(parts.learner, { offer: null, from: 0 });
      return parts;
    }

    test('the log after it is kept', async () => {
      const { learner } = await offering();
      learn(learner, 4, 20);
      expect(learner.floor).toBe(4);
      expect((await learner.chosen({ from: 4 })).entries).toHaveLength(OPTIONS.pieceSlots);
    });

    test('no longer than its limits', async () => {
      const { learner } = await offering();
      learn(learner, 4, 40);
      expect(learner.floor).toBe(21);
    });

    test('of the newest one, whose log goes on where the older one had lost its own', async () => {
      const { learner } = await offering();
      learn(learner, 4, 40);
      const newer = await pieceOf(learner, { offer: null, from: 0 });
      expect(newer.slot).toBe(40);
      learn(learner, 41, 50);
      expect(learner.floor).toBe(41);
    });

    test('and no longer than somebody asks for pieces', async () => {
      const { learner, world } = await offering();
      learn(learner, 4, 10);
      await world.time.run(11_000);
      learn(learner, 11, 11);
      expect(learner.floor).toBe(12);
    });
  });
});
