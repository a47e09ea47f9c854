import { describe, expect, test } from '@jest/globals';
import type { Scenario } from '../../src/simulation/scenario';
import { CALM, client, edit, failureWith, makeMistakes, type Mistake, PUT } from '../support/mistakes';
import { sitesIn } from '../support/watchers';

const ACCEPTOR = 'protocols/paxos/acceptor.ts';
const FORMATION = 'server/formation.ts';
const RECOVERY = 'recovery-observer.ts';

/** Server 2 is cut off while the others want to form a cluster with it. */
const LATECOMER: Scenario = {
  ...CALM,
  state: { initial: [['k', 'before']] },
  clients: [client([PUT, PUT], { servers: [0] })],
  forming: {
    isStormy: true,
    faults: [
      {
        kind: 'partition',
        atMs: 0,
        shape: 'one-way',
        cut: [0, 1].map((from) => [from, 2] as const),
        forMs: 5000,
      },
    ],
  },
};

const MISTAKES: readonly Mistake[] = [
  {
    what: 'a log that takes back other values than it has stored',
    edits: [
      edit(
        'protocols/log/stored-log.ts',
        'this.add(slot, stored as unknown as Value);',
        "this.add(slot, { ...(stored as unknown as Value), id: 'another' });",
      ),
    ],
    noticed: 'recovered but not chosen',
    by: [[RECOVERY, "this.#observer.fail('recovered but not chosen'"]],
  },
  {
    what: 'a state of which nothing is taken back',
    edits: [
      edit(
        'protocols/log/stored-state.ts',
        'if (key.startsWith(this.#prefix)) this',
        'if (key === this.#prefix) this',
      ),
    ],
    noticed: 'recovered another state',
    by: [
      [RECOVERY, "this.#observer.fail('recovered another state'"],
      ['state-watch.ts', 'this.#recovery.compare('],
    ],
  },
  {
    what: 'promises that are not taken back',
    edits: [
      edit(
        ACCEPTOR,
        'const promised = slotOfKey(PROMISED, key);',
        'const promised = slotOfKey(`${PROMISED}-`, key);',
      ),
      edit(
        ACCEPTOR,
        'this.#record(accepted, { promised: proposal.ballot,',
        'this.#record(accepted, { promised: NO_BALLOT,',
      ),
    ],
    noticed: 'promise forgotten',
    by: [[RECOVERY, "this.#observer.fail('promise forgotten'"]],
  },
  {
    what: 'votes that are not taken back',
    edits: [edit(ACCEPTOR, 'if (accepted === undefined) return;', 'return;')],
    noticed: 'vote forgotten',
    by: [[RECOVERY, "this.#observer.fail('vote forgotten'"]],
  },
  {
    what: 'a server that cannot be started again',
    edits: [
      edit(
        ACCEPTOR,
        'if (accepted === undefined) return;',
        "if (accepted !== undefined) throw new Error('a defect'); else return;",
      ),
    ],
    noticed: 'unexpected error: server',
    by: [['state-watch.ts', 'this.#world.observer.unexpected(']],
  },
  {
    what: 'the disk of a new server is not recorded before it is welcome',
    edits: [
      edit(
        'server/identity.ts',
        'await this.#storage.write([{ key: DISK_OF',
        'void this.#storage.write([{ key: DISK_OF',
      ),
    ],
    noticed: 'welcomed before durable',
    by: [
      ['formation-observer.ts', "this.#observer.fail('welcomed before durable'"],
      ['run.ts', 'this.#state.formation.answered('],
    ],
  },
  {
    what: 'a new server votes although not all others know it',
    edits: [edit(FORMATION, 'else await greeted;', 'else greeted.catch(() => undefined);')],
    scenario: LATECOMER,
    noticed: 'votes before it is known',
    by: [['formation-observer.ts', "this.#observer.fail('votes before it is known'"]],
  },
  {
    what: 'a server with an empty disk is let in and votes',
    edits: [edit(FORMATION, 'this.#identity.ageOf(id)', 'this.#identity.ageOf(-1)')],
    scenario: { ...CALM, faults: [{ kind: 'wiped disk', atMs: 500, server: 2, downMs: 100 }] },
    noticed: 'wiped disk votes',
    by: [['formation-observer.ts', "this.#observer.fail('wiped disk votes'"]],
  },
];

describe('who watches what servers keep', () => {
  test.each([
    ['calm', CALM],
    ['a latecomer', LATECOMER],
    ['no log', { ...CALM, variation: { logSlots: 0, pieceSlots: 1 } }],
    [
      'leaders',
      {
        ...LATECOMER,
        protocol: 'multi-paxos',
        variation: { logSlots: 0, checkpointSlots: 3, pieceSlots: 1 },
      },
    ],
  ] as const)('has nothing against a good run: %s', async (_, scenario) => {
    expect(await failureWith(scenario, [])).toBe('nothing');
  });

  makeMistakes(MISTAKES, [
    ...sitesIn('simulation/recovery-observer.ts', ['fail']),
    ...sitesIn('simulation/formation-observer.ts', ['fail']),
    ...sitesIn('simulation/state-watch.ts', ['unexpected', 'compare']),
    ...sitesIn('simulation/run.ts', ['formation.answered']),
  ]);
});
