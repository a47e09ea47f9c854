import { describe, expect, test } from '@jest/globals';
import {
  API,
  CALM,
  client,
  DEFECT,
  edit,
  failureWith,
  GET,
  GET_STUCK,
  LONELY,
  LYING_READS,
  makeMistakes,
  MEMBER,
  type Mistake,
  NEVER,
  ORACLE,
  PUT,
  REPLICA,
  STORE,
} from '../support/mistakes';
import { sitesIn } from '../support/watchers';

const REPAIR = 'async repair(target: Slot): Promise<void> {';

const MISTAKES: readonly Mistake[] = [
  {
    what: 'servers never join their cluster',
    edits: [edit(MEMBER, 'await formation.join();', NEVER)],
    noticed: 'no progress: not within 20 s: the cluster forms',
    by: [['run.ts', "this.#expect('the cluster forms'"]],
  },
  {
    what: 'a server does not come back from a crash',
    edits: [
      edit(
        'server/formation.ts',
        'if (this.#identity.isAdmitted) {',
        `if (this.#identity.isAdmitted) ${NEVER}\n    if (this.#identity.isAdmitted) {`,
      ),
    ],
    scenario: { ...CALM, faults: [{ kind: 'crash', atMs: 500, servers: [1], kept: 0, downMs: 100 }] },
    noticed: 'no progress: not within 60 s: the core serves',
    by: [
      ['run.ts', "this.#expect('the core serves'"],
      ['run.ts', "this.#world.observer.fail('no progress'"],
    ],
  },
  {
    what: 'servers never answer a read',
    edits: [edit(API, GET, `${GET} if (key === 'stuck') ${NEVER}`)],
    scenario: { ...CALM, clients: [client([PUT, GET_STUCK])] },
    noticed: 'no progress: not within 60 s: every operation that was begun',
    by: [['run.ts', "this.#expect('every operation that was begun"]],
  },
  {
    what: 'a server outside of the core never answers a read',
    edits: [edit(API, GET, `${GET} if (key === 'stuck') ${NEVER}`)],
    scenario: { ...CALM, clients: [client([PUT]), client([GET_STUCK], { servers: [2] })] },
    noticed: 'no progress: not within 60 s: every operation has an answer, unless',
    by: [['run.ts', "this.#expect('every operation has an answer, unless"]],
  },
  {
    what: 'servers take no new work after the faults',
    edits: [
      edit(
        API,
        "=> submit({ op: 'put'",
        "=> key.startsWith('probe') ? new Promise(() => undefined) : submit({ op: 'put'",
      ),
    ],
    noticed: 'no progress: not within 60 s: server 0 of the core answers',
    by: [['run.ts', 'this.#probe(server)']],
  },
  {
    what: 'a ready server takes no write',
    edits: [
      edit(
        API,
        "=> submit({ op: 'put'",
        "=> key === 'ready' ? new Promise(() => undefined) : submit({ op: 'put'",
      ),
    ],
    noticed: 'no progress: not within 20 s: server 0, which is ready',
    by: [['run.ts', 'this.#probeReady(node.id)']],
  },
  {
    what: 'a proposer that goes on without letting time pass',
    edits: [
      edit(
        'protocols/paxos/proposer.ts',
        'let voted = false;',
        'let voted = false; for (;;) { await null; this.#environment.clock.now(); }',
      ),
    ],
    noticed: 'spins: ',
    by: [['spins.ts', "this.#observer.fail('spins'"]],
  },
  {
    what: 'a server that was cut off does not catch up',
    edits: [edit('protocols/log/catch-up.ts', REPAIR, `${REPAIR} ${NEVER}`)],
    scenario: LONELY,
    noticed: 'no progress: not within 60 s: all servers become equal',
    by: [['run.ts', "this.#expect('all servers become equal'"]],
  },
  {
    what: 'a run that goes round in circles',
    edits: [edit('simulation/world.ts', 'const MOST_EVENTS = 3_000_000;', 'const MOST_EVENTS = 100;')],
    noticed: 'runaway',
    by: [['world.ts', "world.observer.fail('runaway'"]],
  },
  {
    what: 'a server takes back what it has applied',
    edits: [
      edit(
        REPLICA,
        'applied: this.#learner.applied,',
        'applied: this.#learner.applied === 3 ? 0 : this.#learner.applied,',
      ),
    ],
    scenario: { ...CALM, clients: [client([PUT, PUT, PUT, PUT])] },
    noticed: 'applied goes back',
    by: [['progress-observer.ts', "this.#observer.fail('applied goes back'"]],
  },
  {
    what: 'a server with an empty disk is let in',
    edits: [
      edit('server/formation.ts', 'this.#identity.ageOf(id)', 'this.#identity.ageOf(-1)'),
      edit(
        'simulation/formation-observer.ts',
        'if (voter.isWiped) {',
        'if (voter.isWiped) return;\n    if (voter.isWiped) {',
      ),
    ],
    scenario: { ...CALM, faults: [{ kind: 'wiped disk', atMs: 500, server: 2, downMs: 100 }] },
    noticed: 'wiped disk let in',
    by: [['run.ts', "this.#world.observer.fail('wiped disk let in'"]],
  },
  {
    what: 'the sessions in a snapshot are left out by whoever takes it over',
    edits: [
      edit(STORE, 'if (!this.#sessions.restore(key, value))', 'if (key.startsWith(PREFIX))'),
      edit('simulation/recovery-observer.ts', 'if (difference !== undefined)', 'if (false)'),
    ],
    scenario: LONELY,
    noticed: 'states differ: entries and sessions',
    by: [['run.ts', "this.#world.observer.fail('states differ'"]],
  },
  {
    what: 'a vote is told before it is on the disk',
    edits: [
      edit(
        'protocols/paxos/acceptor.ts',
        'await this.#environment.storage.write(\n      repeated',
        'void this.#environment.storage.write(\n      repeated',
      ),
    ],
    scenario: { ...CALM, syncMs: 30 },
    noticed: 'said before durable',
    by: [['run.ts', 'durability.answered(']],
  },
  {
    what: 'reads show what nobody wrote, and the oracle looks away',
    edits: [LYING_READS, edit(ORACLE, 'if (shown !== value)', 'if (false)')],
    noticed: 'value from nowhere',
    by: [['run.ts', 'observer.fail(judgement.violation']],
  },
  {
    what: 'a history that is too much for the judge',
    edits: [edit('simulation/run.ts', '{ steps: JUDGE_STEPS }', '{ steps: 1 }')],
    noticed: 'undecided',
    by: [['run.ts', "observer.fail('undecided'"]],
  },
  {
    what: 'the observer counts no votes',
    edits: [edit('simulation/observer.ts', 'return this.#chosen.size;', 'return 0;')],
    noticed: 'no work: nothing was chosen',
    by: [['run.ts', "observer.fail('no work', 'nothing was chosen'"]],
  },
  {
    what: 'the oracle checks no answers',
    edits: [
      edit(ORACLE, 'checkedAnswers = 0;', 'get checkedAnswers() { return 0; } set checkedAnswers(_) {}'),
    ],
    noticed: 'no work: no answer was checked',
    by: [['run.ts', "observer.fail('no work', 'no answer was checked'"]],
  },
  {
    what: 'the clients do nothing, and only the probes at the end are answered',
    edits: [],
    scenario: { ...CALM, clients: [client([])] },
    noticed: 'no work: no client asked for anything',
    by: [['run.ts', "observer.fail('no work', 'no client asked for anything'"]],
  },
  {
    what: 'an error that Node reports, as nobody waits for its promise',
    edits: [
      edit(
        'protocols/paxos/proposer.ts',
        'let voted = false;',
        "let voted = false; process.emit('unhandledRejection', new Error('a defect'), Promise.resolve());",
      ),
    ],
    noticed: 'unexpected error: server -1: a defect',
    by: [
      ['run.ts', 'this.#world.observer.unexpected(NOWHERE'],
      ['run.ts', 'run.unexpected(error)'],
    ],
  },
  {
    what: 'a defect in an acceptor that a peer asks',
    edits: [
      edit(
        REPLICA,
        'return acceptor.accept(request);',
        `if (request.ballot.server !== this.#environment.self) ${DEFECT} return acceptor.accept(request);`,
      ),
    ],
    noticed: 'unexpected error: server',
    by: [['world.ts', 'this.observer.unexpected(']],
  },
];

describe('who watches a run', () => {
  test.each([CALM, LONELY])('has nothing against a good one', async (scenario) => {
    expect(await failureWith(scenario, [])).toBe('nothing');
  });

  makeMistakes(MISTAKES, [
    ...sitesIn('simulation/run.ts', [
      'fail',
      '#expect',
      '#probe',
      '#probeReady',
      'unexpected',
      'answered',
    ]).filter(({ text }) => !text.startsWith('this.#state.')),
    ...sitesIn('simulation/progress-observer.ts', ['fail']),
    ...sitesIn('simulation/world.ts', ['fail', 'unexpected']),
    ...sitesIn('simulation/spins.ts', ['fail']),
  ]);
});
