import { describe, expect, test } from '@jest/globals';
import { drawScenario } from '../../src/simulation/draw';
import { formatFailure, parseFailure, type FailureFile } from '../../src/simulation/failure-file';

const FILE: FailureFile = {
  version: 1,
  commit: 'abc',
  failure: { kind: 'k', message: 'k: m' },
  scenario: drawScenario(3, { protocol: 'paxos', servers: 3 }),
};

describe('a failure file', () => {
  test('gives back whatever can be drawn', () => {
    const kinds = new Set<string>();
    for (let seed = 1; seed <= 300; seed++) {
      const file = { ...FILE, scenario: drawScenario(seed, { protocol: 'paxos' }) };
      expect(parseFailure(formatFailure(file))).toEqual(file);
      for (const { kind } of file.scenario.faults) kinds.add(kind);
    }
    expect(kinds.size).toBe(15);
  });

  const [client] = FILE.scenario.clients;
  const pause = { atMs: 1, kind: 'pause', forMs: 1 };
  const withScenario = (changes: object): object => ({ ...FILE, scenario: { ...FILE.scenario, ...changes } });
  test.each([
    [null, 'it holds no failed run'],
    [[], 'it holds no failed run'],
    [7, 'it holds no failed run'],
    [{ ...FILE, version: '1' }, 'its version is "1", not 1'],
    [{ ...FILE, commit: undefined }, 'it holds no failed run: commit:'],
    [withScenario({ servers: 0 }), 'scenario.servers:'],
    [withScenario({ protocol: 'raft' }), 'scenario.protocol:'],
    [withScenario({ clients: [] }), 'scenario.clients:'],
    [withScenario({ clients: [{ ...client, echo: 2 }] }), 'scenario.clients.0.echo:'],
    [withScenario({ clients: [{ ...client, servers: [3] }] }), 'scenario: there is no server 3 among 3'],
    [withScenario({ clients: [{ ...client, requests: [{ afterMs: 1, op: 'dance' }] }] }), 'requests.0.op:'],
    [withScenario({ faults: [{ ...pause, server: 9 }] }), 'there is no server 9 among 3'],
    [withScenario({ faults: [{ ...pause, kind: 'meteor', server: 1 }] }), 'scenario.faults.0.kind:'],
    [withScenario({ core: 'all' }), 'scenario.core:'],
    [withScenario({ weather: 'fine' }), 'weather'],
  ])('that is none is refused with one line: %#', (json, reason) => {
    const parse = (): unknown => parseFailure(JSON.stringify(json));
    expect(parse).toThrow(reason);
    expect(parse).not.toThrow('\n');
  });

  test('that is not JSON is refused with one line', () => {
    const parse = (): unknown => parseFailure('not\njson');
    expect(parse).toThrow('it is not JSON');
    expect(parse).not.toThrow('\n');
  });
});
