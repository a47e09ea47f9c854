import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { ProtocolEvent } from '../../src/core/events';
import { Log, type LogFormat, type LogLevel } from '../../src/server/logging';
import { InProcessCluster } from './helpers/cluster';

/** What reaches standard output. winston writes to the stream behind `console`. */
const written: string[] = [];
beforeEach(() => {
  written.length = 0;
  const { _stdout: stdout } = console as unknown as { _stdout: { write: (text: string) => boolean } };
  jest.spyOn(stdout, 'write').mockImplementation((text: string) => {
    written.push(text);
    return true;
  });
});
afterEach(() => {
  jest.restoreAllMocks();
});

const lines = (): string[] => written.join('').split('\n').slice(0, -1);
const accepted: ProtocolEvent = {
  kind: 'accepted',
  slot: 7,
  ballot: { round: 3, server: 1 },
  value: '1.2.5',
};

describe('one line for each event', () => {
  test('pretty: time, level, message, fields', () => {
    new Log(2, 'info', 'pretty').info('listening', { address: '127.0.0.1:15000', port: 15000, free: true });
    expect(lines()).toHaveLength(1);
    expect(lines()[0]).toMatch(
      /^\d\d:\d\d:\d\d\.\d{3} INFO {2}listening address=127\.0\.0\.1:15000 port=15000 free=true$/,
    );
  });

  test('json: one object with the server in it', () => {
    new Log(2, 'info', 'json').warn('acceptor failures set', { acceptorFailure: 0.25 });
    expect(JSON.parse(lines()[0] ?? '')).toEqual({
      ts: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      level: 'warn',
      msg: 'acceptor failures set',
      server: 2,
      acceptorFailure: 0.25,
    });
  });

  test.each<LogFormat>(['pretty', 'json'])('%s: whatever is in a field, it stays one line', (format) => {
    new Log(0, 'info', format).error('unexpected error', {
      error: 'Error: "x"\n    at y (z:1)\r\n',
      empty: '',
      equals: 'a=b',
      nothing: null,
      escape: '\u001b[31m',
    });
    expect(lines()).toHaveLength(1);
    const [line = ''] = lines();
    if (format === 'json')
      expect(JSON.parse(line)).toMatchObject({ error: 'Error: "x"\n    at y (z:1)\r\n', nothing: null });
    else
      expect(line).toContain(
        String.raw`error="Error: \"x\"\n    at y (z:1)\r\n" empty="" equals="a=b" nothing=null escape="\u001b[31m"`,
      );
  });

  test('the steps of the protocol have slot and ballot', () => {
    new Log(2, 'debug', 'pretty').trace(() => accepted);
    expect(lines()[0]).toMatch(/ DEBUG accepted slot=7 ballot=3\.1 value=1\.2\.5$/);
    written.length = 0;
    new Log(2, 'debug', 'json').trace(() => accepted);
    expect(JSON.parse(lines()[0] ?? '')).toMatchObject({
      level: 'debug',
      msg: 'accepted',
      server: 2,
      slot: 7,
      ballot: '3.1',
      value: '1.2.5',
    });
  });
});

test('a pause is told to a tenth of a millisecond', () => {
  new Log(2, 'debug', 'pretty').trace(() => ({
    kind: 'phase-failed',
    slot: 3,
    ballot: { round: 2, server: 3 },
    phase: 1,
    reason: 'rejected',
    backOffMs: 24.0182897520339,
  }));
  expect(lines()[0]).toMatch(/ phase-failed slot=3 ballot=2\.3 phase=1 reason=rejected backOffMs=24$/);
});

describe('levels', () => {
  test.each<[LogLevel, string[]]>([
    ['error', ['error']],
    ['warn', ['error', 'warn']],
    ['info', ['error', 'warn', 'info']],
    ['debug', ['error', 'warn', 'info', 'accepted']],
  ])('%s', (level, shown) => {
    const log = new Log(0, level, 'json');
    log.error('error');
    log.warn('warn');
    log.info('info');
    log.trace(() => accepted);
    expect(lines().map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual(shown);
  });

  test('an event below the level is not even built', () => {
    const log = new Log(0, 'info', 'pretty');
    const build = jest.fn(() => accepted);
    log.trace(build);
    expect(build).not.toHaveBeenCalled();
    log.level = 'debug';
    log.trace(build);
    expect(build).toHaveBeenCalledTimes(1);
    log.level = 'warn';
    log.trace(build);
    log.info('nothing');
    expect([build.mock.calls.length, lines().length, log.level]).toEqual([1, 1, 'warn']);
  });
});

test('at debug a write shows every step with slot and ballot, and stops when the level is set back', async () => {
  const cluster = await InProcessCluster.start({
    ephemeral: true,
    configuration: { logFormat: 'json' },
  });
  try {
    const silent = lines().length;
    await cluster.result(0, 'kv.put', { key: 'a', value: '0' });
    expect(lines()).toHaveLength(silent);
    for (const id of cluster.ids) await cluster.result(id, 'logs.set', { level: 'debug' });
    const { slot } = await cluster.result<{ slot: number }>(0, 'kv.put', { key: 'a', value: '1' });
    await cluster.equal();
    for (const id of cluster.ids) await cluster.result(id, 'logs.set', { level: 'error' });
    const steps = lines()
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter((line) => line['slot'] === slot);
    const by = (server: number): unknown[] =>
      steps.filter((s) => s['server'] === server).map((s) => s['msg']);
    expect(by(0)).toEqual(
      expect.arrayContaining(['prepare-sent', 'accept-sent', 'chosen', 'learned', 'applied']),
    );
    for (const id of cluster.ids) expect(by(id)).toEqual(expect.arrayContaining(['learned', 'applied']));
    const voters = cluster.ids.filter((id) => by(id).includes('promised') && by(id).includes('accepted'));
    expect(voters.length).toBeGreaterThanOrEqual(2);
    for (const step of steps)
      if (!['learned', 'applied'].includes(String(step['msg']))) expect(step['ballot']).toMatch(/^\d+\.\d$/);
    const count = lines().length;
    await cluster.result(0, 'kv.put', { key: 'a', value: '2' });
    expect(lines()).toHaveLength(count);
  } finally {
    await cluster.close();
  }
});
