import { describe } from '@jest/globals';
import { PATIENT_MS } from '../../src/simulation/scenario';
import {
  API,
  CALM,
  client,
  DEFECT,
  DELETE,
  edit,
  GET,
  GET_STUCK,
  READ_STUCK,
  LYING_READS,
  makeMistakes,
  MEMBER,
  type Mistake,
  PUT,
  REPLICA,
  STORE,
} from '../support/mistakes';
import { sitesIn } from '../support/watchers';

const MISTAKES: readonly Mistake[] = [
  {
    what: 'a patient client is sent away',
    edits: [
      edit(
        API,
        GET,
        `${GET} if (key === 'stuck') throw new ApiError(API_ERRORS.invalidParams, 'not this one');`,
      ),
    ],
    scenario: { ...CALM, clients: [client([PUT, GET_STUCK], { deadlineMs: PATIENT_MS })] },
    noticed: 'no progress: c0 got no answer but',
    by: [['simulated-client.ts', "world.observer.fail('no progress'"]],
  },
  {
    what: 'a proposer takes one vote for a quorum',
    edits: [edit('protocols/paxos/proposer.ts', 'this.#quorums.isPhase2Quorum(voted)', 'voted.size > 0')],
    noticed: 'learned but not chosen',
    by: [['host.ts', 'observer.see(']],
  },
  {
    what: 'the store is wrong about what it replaces',
    edits: [edit(STORE, 'replaced: actual !== undefined', 'replaced: true')],
    noticed: 'wrong result: slot',
    by: [['watched-store.ts', 'this.#oracle.applied(']],
  },
  {
    what: 'clients are told another result than the store has',
    edits: [edit(API, 'return result as unknown', 'return { ...result, replaced: true } as unknown')],
    noticed: 'wrong result: write c0#1',
    by: [['client-link.ts', 'this.#oracle.acknowledge(']],
  },
  {
    what: 'reads show what nobody wrote',
    edits: [LYING_READS],
    noticed: 'wrong value',
    by: [['client-link.ts', 'this.#oracle.shown(']],
  },
  {
    what: 'lists are empty',
    edits: [
      edit(API, 'maxCharacters: LIST_CHARACTERS }),', 'maxCharacters: LIST_CHARACTERS }), entries: [],'),
    ],
    noticed: 'wrong list',
    by: [['client-link.ts', 'this.#oracle.listed(']],
  },
  {
    what: 'a delete that is done is reported as failed',
    edits: [
      edit(
        API,
        "if (op === 'stale' && session !== null)",
        "if (op === 'delete') throw new ApiError(API_ERRORS.invalidParams, 'no');\n    if (op === 'stale' && session !== null)",
      ),
    ],
    scenario: { ...CALM, clients: [client([PUT, DELETE])] },
    noticed: 'failed but took effect',
    by: [
      ['client-link.ts', 'this.#oracle.refused('],
      ['simulated-client.ts', 'this.#link.refuse(begun, writeOf('],
    ],
  },
  {
    what: 'a delete that is done is reported as forgotten',
    edits: [
      edit(
        API,
        "if (op === 'stale' && session !== null)",
        "if (op === 'delete') throw new ApiError(API_ERRORS.staleSequence, 'no');\n    if (op === 'stale' && session !== null)",
      ),
    ],
    scenario: { ...CALM, clients: [client([PUT, DELETE], { deadlineMs: PATIENT_MS })] },
    noticed: 'forgotten too early',
    by: [['client-link.ts', 'this.#oracle.forgotten(']],
  },
  {
    what: 'a write of a client that is known is refused as forgotten, and nothing is done',
    edits: [
      edit(
        API,
        'const known = (session.epoch',
        "if (session.sequence === 2) return Promise.resolve({ op: 'stale', because: 'sequence', epoch: 0 });\n    const known = (session.epoch",
      ),
    ],
    scenario: { ...CALM, clients: [client([PUT, PUT, PUT], { deadlineMs: PATIENT_MS })] },
    noticed: 'forgotten too early',
    by: [['client-link.ts', 'this.#oracle.forgotten(']],
  },
  {
    what: 'a patient client is told that its read is forgotten',
    edits: [
      edit(
        API,
        GET,
        `${GET} if (key === 'stuck') throw new ApiError(API_ERRORS.staleSequence, 'not this one');`,
      ),
    ],
    scenario: { ...CALM, clients: [client([PUT, GET_STUCK], { deadlineMs: PATIENT_MS })] },
    noticed: 'no progress: c0 got no answer but',
    by: [['simulated-client.ts', "world.observer.fail('no progress'"]],
  },
  {
    what: 'a delete without a session that is done is reported as failed',
    edits: [
      edit(
        API,
        "if (op === 'stale' && session !== null)",
        "if (op === 'delete') throw new ApiError(API_ERRORS.invalidParams, 'no');\n    if (op === 'stale' && session !== null)",
      ),
    ],
    scenario: { ...CALM, clients: [client([PUT, { ...DELETE, unsessioned: true }])] },
    noticed: 'failed but took effect',
    by: [['simulated-client.ts', 'this.#link.refuse(begun, write)']],
  },
  {
    what: 'a server tells of more applied slots than it knows to be chosen',
    edits: [edit('server/status.ts', '    applied,\n', '    applied: highestChosen + 1,\n')],
    scenario: { ...CALM, clients: [client([PUT, { afterMs: 100, op: 'status' }])] },
    noticed: 'impossible status',
    by: [['node.ts', 'this.#parts.world.status.told(']],
  },
  {
    what: 'a server names an older state than it has shown',
    edits: [edit(API, '{ found: false, applied }', '{ found: false, applied: applied > 2 ? 1 : applied }')],
    scenario: {
      ...CALM,
      clients: [
        client([PUT, PUT, READ_STUCK, PUT, READ_STUCK], {
          servers: [0],
        }),
      ],
    },
    noticed: 'read that goes back in time: server 0',
    by: [['node.ts', 'this.#parts.oracle.showed(']],
  },
  {
    what: 'a defect that the protocol reports itself',
    edits: [
      edit(
        REPLICA,
        'this.#catchUp.start();',
        "this.#catchUp.start(); this.#environment.fail(new Error('a defect'));",
      ),
    ],
    noticed: 'unexpected error: server',
    by: [['host.ts', 'observer.unexpected(']],
  },
  {
    what: 'a defect in a server that starts',
    edits: [edit(MEMBER, 'await this.#replica.start();', DEFECT)],
    noticed: 'unexpected error: server',
    by: [['node.ts', 'world.observer.unexpected(']],
  },
  {
    what: 'a server that has its disk is refused, until it is restarted once more',
    edits: [
      edit(
        'server/formation.ts',
        'if (known === undefined) return undefined;',
        "if (known === undefined) return undefined;\n    if (run === 'run 1.2') return 'no';",
      ),
    ],
    scenario: { ...CALM, faults: [{ kind: 'crash', atMs: 500, servers: [1], kept: 0, downMs: 100 }] },
    noticed: 'refused without reason: server 1',
    by: [['node.ts', "world.observer.fail('refused without reason'"]],
  },
  {
    what: 'a defect in a server that stops',
    edits: [
      edit('protocols/multi-paxos/replica.ts', 'handOver(): Promise<void> {', `handOver() { ${DEFECT}`),
    ],
    scenario: {
      ...CALM,
      protocol: 'multi-paxos',
      faults: [{ kind: 'leader restart', atMs: 500, downMs: 100 }],
    },
    noticed: 'unexpected error: server',
    by: [['node.ts', 'observer.unexpected(']],
  },
  {
    what: 'a defect in an answer to a client',
    edits: [edit(API, GET, `${GET} ${DEFECT}`)],
    noticed: 'unexpected error: server',
    by: [['node.ts', 'this.#parts.world.observer.unexpected(']],
  },
  {
    what: 'a defect in a client',
    edits: [edit('history/recording-client.ts', "case 'put':", `case 'put': ${DEFECT}`)],
    noticed: 'unexpected error: server',
    by: [['simulated-client.ts', 'this.#parts.world.observer.unexpected(']],
  },
  {
    what: 'a defect in a write that is sent once more',
    edits: [edit('simulation/client-link.ts', 'const to = (first + ', 'const to = 99 + (first + ')],
    scenario: { ...CALM, safetyMs: 5000, clients: [client([PUT], { echo: 1 })] },
    noticed: 'unexpected error: server 1000: no server',
    by: [['client-link.ts', 'this.#world.observer.unexpected(']],
  },
];

describe('who brings to the watchers what servers and clients do', () => {
  makeMistakes(MISTAKES, [
    ...sitesIn('simulation/client-link.ts', [
      'acknowledge',
      'shown',
      'listed',
      'refused',
      'forgotten',
      'unexpected',
    ]),
    ...sitesIn('simulation/simulated-client.ts', ['fail', 'refuse', 'unexpected']),
    ...sitesIn('simulation/node.ts', ['fail', 'showed', 'told', 'unexpected']),
    ...sitesIn('simulation/watched-store.ts', ['applied']),
    ...sitesIn('simulation/host.ts', ['fail', 'see', 'unexpected']),
  ]);
});
