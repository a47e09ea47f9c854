import { describe, expect, test } from '@jest/globals';
import { Admission } from '../../src/core/admission';
import { virtualClock, watch } from '../support/virtual-clock';

const UNWEIGHED = { maxRunningWeight: Infinity, maxWaitingWeight: Infinity };

describe('admission', () => {
  test('so many run, the others wait in order', async () => {
    const { time, clock } = virtualClock();
    const admission = new Admission(clock, { ...UNWEIGHED, maxRunning: 2, maxWaiting: 10 });
    const entries = Array.from({ length: 5 }, () => watch(admission.enter(1000)));
    await time.run(1);
    const states = (): string => entries.map(({ state }) => state[0]).join('');
    expect(states()).toBe('rrppp');
    expect(admission.pending).toBe(5);
    admission.leave();
    await time.run(1);
    expect(states()).toBe('rrrpp');
    admission.leave();
    admission.leave();
    await time.run(1);
    expect(states()).toBe('rrrrr');
    expect(admission.pending).toBe(2);
    admission.leave();
    admission.leave();
    expect(admission.pending).toBe(0);
  });

  test('a place that is free is taken at once', async () => {
    const { time, clock } = virtualClock();
    const admission = new Admission(clock, { ...UNWEIGHED, maxRunning: 1, maxWaiting: 1 });
    for (let i = 0; i < 3; i++) {
      const entry = watch(admission.enter(1000));
      await time.run(1);
      expect(entry.state).toBe('resolved');
      admission.leave();
    }
  });

  test('too many are refused, surely without effect', async () => {
    const { time, clock } = virtualClock();
    const admission = new Admission(clock, { ...UNWEIGHED, maxRunning: 1, maxWaiting: 1 });
    void admission.enter(1000);
    void admission.enter(1000);
    const refused = watch(admission.enter(1000));
    await time.run(1);
    expect(refused.error).toMatchObject({ failure: 'overloaded', definite: true });
    expect(admission.pending).toBe(2);
  });

  test('who waits past the deadline is refused and leaves the queue', async () => {
    const { time, clock } = virtualClock();
    const admission = new Admission(clock, { ...UNWEIGHED, maxRunning: 1, maxWaiting: 2 });
    void admission.enter(1000);
    const impatient = watch(admission.enter(50));
    const patient = watch(admission.enter(1000));
    await time.run(49);
    expect(impatient.state).toBe('pending');
    await time.run(2);
    expect(impatient.error).toMatchObject({ failure: 'overloaded', definite: true });
    expect(admission.pending).toBe(2);
    admission.leave();
    await time.run(1);
    expect(patient.state).toBe('resolved');
    await time.run(2000);
    expect(admission.pending).toBe(1);
  });

  test('who cannot be done in time, at the rate at which others leave, is refused at once', async () => {
    const { time, clock } = virtualClock();
    const admission = new Admission(clock, { ...UNWEIGHED, maxRunning: 1, maxWaiting: 100 });
    void admission.enter(Infinity);
    const waiting = Array.from({ length: 20 }, () => watch(admission.enter(clock.now() + 100_000)));
    for (let i = 0; i < 7; i++) {
      await time.run(100);
      admission.leave();
    }
    await time.run(1);
    expect(waiting.filter(({ state }) => state === 'resolved')).toHaveLength(7);
    const hasty = watch(admission.enter(clock.now() + 1000));
    const patient = watch(admission.enter(clock.now() + 10_000));
    await time.run(1);
    expect(hasty.error).toMatchObject({ failure: 'overloaded', definite: true });
    expect(patient.state).toBe('pending');
  });

  test('who has its turn too late to be done in time is refused instead of begun', async () => {
    const { time, clock } = virtualClock();
    const admission = new Admission(clock, { ...UNWEIGHED, maxRunning: 10, maxWaiting: 100 });
    for (let i = 0; i < 10; i++) void admission.enter(Infinity);
    const entries = Array.from({ length: 10 }, () => watch(admission.enter(clock.now() + 900)));
    for (let i = 0; i < 8; i++) {
      await time.run(100);
      admission.leave();
    }
    // Each of ten takes a second at this rate.
    await time.run(1);
    const refused = entries.filter(({ error }) => error !== undefined);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused[0]?.error).toMatchObject({ failure: 'overloaded', definite: true });
    expect(entries.some(({ state }) => state === 'resolved')).toBe(true);
  });

  test('of operations that end in bursts the first one to leave tells no rate', async () => {
    const { time, clock } = virtualClock();
    const admission = new Admission(clock, { ...UNWEIGHED, maxRunning: 100, maxWaiting: 100 });
    for (let i = 0; i < 100; i++) void admission.enter(Infinity);
    const entries = Array.from({ length: 100 }, () => watch(admission.enter(clock.now() + 4000)));
    await time.run(600);
    for (let i = 0; i < 100; i++) admission.leave();
    await time.run(1);
    // A hundred are done in 600 ms, not one.
    expect(entries.filter(({ state }) => state === 'resolved')).toHaveLength(100);
  });

  test('a rate of one crowd says nothing of the next', async () => {
    const { time, clock } = virtualClock();
    const admission = new Admission(clock, { ...UNWEIGHED, maxRunning: 1, maxWaiting: 100 });
    void admission.enter(Infinity);
    void admission.enter(clock.now() + 100_000);
    await time.run(5000);
    const hasty = watch(admission.enter(clock.now() + 1000));
    await time.run(1);
    expect(hasty.state).toBe('rejected');
    admission.leave();
    const soon = watch(admission.enter(clock.now() + 1000));
    await time.run(1);
    expect(soon.state).toBe('rejected');
    admission.leave();
    await time.run(6000);
    void admission.enter(Infinity);
    const next = watch(admission.enter(clock.now() + 1000));
    await time.run(1);
    expect(next.state).toBe('pending');
  });

  test('a crowd that is gone, and the few that come after it, hold up no later burst', async () => {
    const { time, clock } = virtualClock();
    const admission = new Admission(clock, { ...UNWEIGHED, maxRunning: 100, maxWaiting: 100 });
    for (let i = 0; i < 101; i++) void admission.enter(clock.now() + 10_000);
    for (let i = 0; i < 101; i++) admission.leave();
    // One operation in 200 ms, which says nothing of how many could be done.
    for (let i = 0; i < 30; i++) {
      void admission.enter(clock.now() + 4000);
      await time.run(200);
      admission.leave();
    }
    const burst = Array.from({ length: 100 }, () => watch(admission.enter(clock.now() + 4000)));
    await time.run(1);
    expect(burst.filter(({ state }) => state === 'resolved')).toHaveLength(100);
  });

  test('what a crowd that ended by its deadline showed still counts for the next one', async () => {
    const { time, clock } = virtualClock();
    const admission = new Admission(clock, { ...UNWEIGHED, maxRunning: 500, maxWaiting: 10_000 });
    const begun: number[] = [];
    for (let batch = 0; batch < 3; batch++) {
      const deadline = clock.now() + 4000;
      const entries = Array.from({ length: 1000 }, () => watch(admission.enter(deadline)));
      await time.run(1);
      const running = entries.filter(({ state }) => state === 'resolved').length;
      begun.push(running);
      // Ten are done in a second; the others leave when their time is over.
      for (let i = 0; i < 39; i++) {
        await time.run(100);
        if (i < running) admission.leave(0, deadline);
      }
      await time.run(deadline - clock.now());
      for (let i = 39; i < entries.filter(({ state }) => state === 'resolved').length; i++)
        admission.leave(0, deadline);
      await time.run(10);
    }
    expect(begun[0]).toBe(500);
    expect(Math.max(...begun.slice(1))).toBeLessThan(100);
    expect(Math.min(...begun)).toBeGreaterThan(0);
  });

  test('weights count while operations run and while they wait, and no longer', async () => {
    const { time, clock } = virtualClock();
    const limits = { maxRunning: 10, maxRunningWeight: 10, maxWaiting: 10, maxWaitingWeight: 10 };
    const admission = new Admission(clock, limits);
    for (let turn = 0; turn < 3; turn++) {
      const entries = [6, 6, 4, 1].map((weight) => watch(admission.enter(clock.now() + 1000, weight)));
      await time.run(1);
      expect(entries.map(({ state }) => state)).toEqual(['resolved', 'pending', 'pending', 'rejected']);
      admission.leave(6);
      await time.run(1);
      expect(entries.map(({ state }) => state)).toEqual(['resolved', 'resolved', 'resolved', 'rejected']);
      admission.leave(6);
      admission.leave(4);
      expect(admission.pending).toBe(0);
    }
    void admission.enter(Infinity, 1000);
    expect(admission.pending).toBe(1);
  });
});
