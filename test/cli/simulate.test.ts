import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { drawScenario } from '../../src/simulation/draw';
import { formatFailure } from '../../src/simulation/failure-file';
import type { Scenario } from '../../src/simulation/scenario';
import { runAll, runProgram } from './program';

const simulate = (...argv: string[]): ReturnType<typeof runProgram> => runProgram('bin/simulate', argv);

const simulateAll = (...lines: string[][]): ReturnType<typeof runAll> =>
  runAll(lines.map((argv) => ({ name: 'simulate', argv })));

const WRONG: readonly [argv: readonly string[], message: string][] = [
  [['--seeds', '5..1'], 'A seed such as 7'],
  [['--exhibit', 'P-99'], 'there is no exhibit P-99'],
  [['museum', 'X'], 'there is no exhibit X'],
  [['--replay', 'nowhere.json'], 'nowhere.json cannot be read'],
  [['--protocol', 'raft'], 'Allowed choices are paxos'],
  [['--seeds', '1..2', '--history', 'x'], 'give one seed'],
  [['search', '--exhibit', 'S-9'], 'outside of what the search runs'],
  [['serach'], 'error:'],
  [['museum', '--seeds', '1'], 'museum does not take --seeds'],
  [['--exhibit', 'P-1', 'museum'], 'museum does not take --exhibit'],
  [['museum', '--servers', '3'], 'museum does not take --servers'],
  [['museum', '--list', '--jobs', '2'], 'museum --list does not take --jobs'],
  [['search', '--jobs', '2'], 'search does not take --jobs'],
  [['search', '--replay', 'x', '--json'], 'search --replay does not take --json'],
  [['search', '--replay', 'x', '--crashes', '1'], 'search --replay does not take --crashes'],
  [['--replay', 'x', '--json'], '--replay does not take --json'],
  [['--failures', '/proc/nope', '--seeds', '1'], '/proc/nope cannot be written to'],
  [['--failures', __filename, '--seeds', '1'], 'cannot be written to'],
  [['--history', '/nowhere/x', '--seeds', '1'], '/nowhere/x cannot be written'],
  [['--replay', __filename], 'is no failure file: it is not JSON'],
];

describe('bin/simulate', () => {
  test('the same seed gives the same trace in another process, whatever else runs beside it', async () => {
    const [alone, [, withOthers]] = await Promise.all([
      simulate('--seeds', '8', '--json'),
      simulate('--seeds', '8..9', '--jobs', '2', '--verbose').then(
        ({ stdout }) => /^seed 8: .* trace (\w+)$/m.exec(stdout) ?? [],
      ),
    ]);
    const { traceHash, failed, runs, checked } = JSON.parse(alone.stdout) as Record<string, unknown>;
    expect([alone.code, failed, runs]).toEqual([0, 0, 1]);
    expect(checked).toBeGreaterThan(0);
    expect(traceHash).toMatch(/^[0-9a-f]{16}$/);
    expect(withOthers).toBe(traceHash);
  });

  test('a failure comes with its seed, a smaller run, and a file that shows it again', async () => {
    const failures = mkdtempSync(join(tmpdir(), 'synod-failures-'));
    const found = await simulate('--exhibit', 'P-1', '--seeds', '1..5', '--failures', failures);
    expect(found.code).toBe(1);
    expect(found.stdout).toMatch(/^FAILED with seed \d: two values chosen/m);
    expect(found.stdout).toMatch(
      /commit \w+; again: bin\/simulate --seeds \d --protocol paxos --exhibit P-1/,
    );
    const [name] = readdirSync(failures);
    expect(name).toMatch(/^seed-\d-paxos-P-1\.json$/);
    const again = await simulate('--replay', join(failures, name!));
    expect(again.code).toBe(1);
    expect(again.stdout).toMatch(/^now: {3}two values chosen/m);
    // Without the mistake the same run is harmless.
    const file = JSON.parse(readFileSync(join(failures, name!), 'utf8')) as { exhibit?: string };
    delete file.exhibit;
    writeFileSync(join(failures, 'shipped.json'), JSON.stringify(file));
    const shipped = await simulate('--replay', join(failures, 'shipped.json'), '--verbose');
    expect(shipped.stdout).toMatch(/^now: {3}passes$/m);
    expect(shipped.stdout).toContain('client: {"type":"invoke"');
    expect(shipped.code).toBe(0);
  });

  test('a single seed shows all that it drew, to people and to programs', async () => {
    const [people, programs] = await Promise.all([
      simulate('--seeds', '6', '--servers', '3'),
      simulate('--seeds', '6', '--servers', '3', '--json'),
    ]);
    const { scenario } = JSON.parse(programs.stdout) as { scenario: Scenario };
    expect(scenario).toEqual(drawScenario(6, { protocol: 'paxos', servers: 3 }));
    const ops = new Set<string>();
    for (const { requests } of scenario.clients)
      for (const { afterMs, op, ...fields } of requests) {
        ops.add(op);
        const words = Object.entries<unknown>(fields).map(([name, value]) =>
          name === 'key' || name === 'read' ? String(value) : `${name}=${String(value)}`,
        );
        expect(people.stdout).toContain([`+${Math.round(afterMs * 10) / 10}`, op, ...words].join(' '));
      }
    expect(ops.size).toBe(5);
    expect(people.stdout).toContain(`  safetyMs: ${scenario.safetyMs}\n`);
  });

  test('what other options draw goes to files of other names; of many failures it says which are explained', async () => {
    const failures = join(mkdtempSync(join(tmpdir(), 'synod-failures-')), 'new', 'folder');
    const options = ['--exhibit', 'S-25', '--servers', '3', '--read', 'linearizable', '--failures', failures];
    const found = await simulate('--seeds', '1..5', '--keep-going', ...options);
    const failed = Number(/^(\d+) of 5 runs failed/m.exec(found.stdout)?.[1]);
    expect(failed).toBeGreaterThan(3);
    expect(found.stdout).toContain(
      `Only the first 3 failures are explained. ${failed - 3} more, with the seeds`,
    );
    expect(readdirSync(failures)).toHaveLength(3);
    expect(readdirSync(failures)[0]).toMatch(/^seed-\d+-paxos-servers-3-read-linearizable-S-25\.json$/);
  });

  test('a folder for failures that stays empty is taken away again', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'synod-failures-'));
    expect((await simulate('--seeds', '1', '--failures', join(folder, 'a', 'b'))).code).toBe(0);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('local reads may show the past, and one is explained; linearizable ones never do', async () => {
    const [local, linearizable] = await Promise.all([
      simulate('--read', 'local', '--seeds', '17..23', '--servers', '3'),
      simulate('--read', 'linearizable', '--seeds', '17..23', '--servers', '3'),
    ]);
    expect(local.stdout).toMatch(
      /Local reads showed the past in \d+ runs, as they may\. The first, with seed \d+:/,
    );
    expect(local.stdout).toContain('shows an old value');
    expect(linearizable.stdout).not.toContain('showed the past');
    expect([local.code, linearizable.code]).toEqual([0, 0]);
  });

  test('the history of a run is one that bin/check reads', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'synod-history-')), 'run.jsonl');
    expect((await simulate('--seeds', '7', '--history', file)).code).toBe(0);
    const checked = await runProgram('bin/check', [file, '--json']);
    expect(JSON.parse(checked.stdout)).toMatchObject({ verdict: 'linearizable' });
    expect(checked.code).toBe(0);
  });

  test('the museum names, describes and shows its exhibits, and gives JSON when asked, wherever that stands', async () => {
    const [shown, shownAsJson, told] = await Promise.all([
      simulate('museum', 'p-1', 'P-23', '--most-seeds', '20'),
      simulate('museum', 'P-1', 'P-23', '--most-seeds', '20', '--json'),
      simulateAll(
        ['museum', '--list'],
        ['museum', 'P-8', '--describe'],
        ['museum', '--list', '--json'],
        ['--json', 'museum', 'P-8', '--describe'],
      ),
    ]);
    const [list, description, listAsJson, descriptionAsJson] = told.map(({ stdout }) => stdout);
    expect(list?.trim().split('\n').length).toBeGreaterThanOrEqual(40);
    expect(description).toContain('in src/protocols/paxos/acceptor.ts:\n  - ');
    expect(shown.stdout).toMatch(/P-1 .* two values chosen \(seed \d+\)/);
    expect(shown.stdout).toContain('2 of 2 caught.\nThe shipped code passes the same');
    expect(JSON.parse(shownAsJson.stdout)).toMatchObject({
      caught: 2,
      findings: [{ id: 'P-1' }, { id: 'P-23' }],
    });
    expect((JSON.parse(listAsJson ?? '') as unknown[])[0]).toEqual({
      id: expect.any(String),
      name: expect.any(String),
    });
    expect(JSON.parse(descriptionAsJson ?? '')).toMatchObject([
      { id: 'P-8', name: 'a vote does not promise' },
    ]);
    expect([shown, ...told].map(({ code }) => code)).toEqual([0, 0, 0, 0, 0]);
  });

  test('with more jobs the museum finds the same, in the same order', async () => {
    const tour = ['museum', 'S-7', 'P-1', 'P-9', '--most-seeds', '50'];
    const [one, two] = await Promise.all([simulate(...tour), simulate(...tour, '--jobs', '2')]);
    const withoutTimes = ({ stdout }: { stdout: string }): string => stdout.replaceAll(/ +\d+\.\d s/g, '');
    expect(withoutTimes(two)).toBe(withoutTimes(one));
    expect(withoutTimes(two)).toMatch(/^S-7 .*\nP-1 .* two values chosen .*\nP-9 .* ballot used twice /m);
  });

  test('the museum holds reads to what is asked for', async () => {
    const runs = async (...options: string[]): Promise<unknown> => {
      const { stdout } = await simulate('museum', 'S-9', '--most-seeds', '20', '--json', ...options);
      const { findings } = JSON.parse(stdout) as { findings: { simulatedMs: number }[] };
      return findings[0]?.simulatedMs;
    };
    const [drawn, local] = await Promise.all([runs(), runs('--read', 'local')]);
    expect(local).not.toBe(drawn);
  });

  test('an exhibit that is not caught is a failure', async () => {
    const missed = await simulate('museum', 'P-9b', '--most-seeds', '1');
    expect(missed.stdout).toContain('NOT CAUGHT');
    expect(missed.code).toBe(1);
  });

  test('the search finds a mistake that was put in', async () => {
    const found = await simulate('search', '--exhibit', 'P-1', '--strategy', 'random');
    expect(found.stdout).toContain('RULE BROKEN: two values chosen');
    expect(found.code).toBe(1);
  });

  test('the search knows how to find an exhibit, and does not take one that it missed for a pass', async () => {
    const [asKnown, missed, program] = await Promise.all([
      simulate('search', '--exhibit', 'p-2'),
      simulate('search', '--exhibit', 'P-2', '--strategy', 'random', '--schedules', '10'),
      simulate('search', '--exhibit', 'P-2', '--schedules', '10', '--json'),
    ]);
    expect(asKnown.stdout).toContain(
      'as is known to find P-2: --strategy adversarial --proposers 3 --seed 5',
    );
    expect(asKnown.stdout).toContain('RULE BROKEN: two values chosen');
    expect(missed.stdout).toContain('EXHIBIT P-2 WAS NOT FOUND: within this bound');
    expect(missed.stdout).not.toContain('no rule was broken');
    expect(JSON.parse(program.stdout)).toMatchObject({ exhibit: 'P-2', verdict: 'clean' });
    expect([asKnown.code, missed.code, program.code]).toEqual([1, 1, 1]);
  });

  test('the help of a command names what it takes, and no more', async () => {
    const told = await simulateAll(['museum', '--help'], ['search', '--help']);
    for (const { stdout } of told) {
      expect(stdout).not.toMatch(/Global Options|--seeds|--keep-going/);
      expect(stdout).toContain('--json');
    }
    const [museum, search] = told.map(({ stdout }) => stdout);
    expect(museum).toMatch(/--jobs[^]*--read/);
    expect(search).toContain('--exhibit <id>');
    expect(search).toContain('  P-2    --strategy adversarial --proposers 3 --seed 5\n');
  });

  test('a failure file of an unknown exhibit, or of null, is wrong usage', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'synod-failures-'));
    const scenario = drawScenario(1, { protocol: 'paxos' });
    const failure = { kind: 'k', message: 'm' };
    writeFileSync(
      join(folder, 'a'),
      formatFailure({ version: 1, commit: 'c', exhibit: 'X', failure, scenario }),
    );
    writeFileSync(join(folder, 'b'), 'null');
    const [unknown, nothing] = await Promise.all([
      simulate('--replay', join(folder, 'a')),
      simulate('--replay', join(folder, 'b')),
    ]);
    expect(unknown.stderr).toMatch(/^error: there is no exhibit X;.*\n$/);
    expect(nothing.stderr).toMatch(/^error: .* is no failure file: it holds no failed run.*\n$/);
    expect([unknown.code, nothing.code]).toEqual([2, 2]);
  });

  describe('what is wrong is said in one line, with exit code 2', () => {
    const ended = runAll(WRONG.map(([argv]) => ({ name: 'simulate', argv })));

    test.each(WRONG.map(([argv, message], index) => [argv, message, index] as const))(
      '%j: %s',
      async (_, message, index) => {
        const { code, stderr, stdout } = (await ended)[index]!;
        expect(stderr).toContain(message);
        expect(stderr.trimEnd().split('\n')).toHaveLength(1);
        expect([stdout, code]).toEqual(['', 2]);
      },
    );

    test('by the process itself too', async () => {
      const { code, stderr, stdout } = await simulate('--seeds', '5..1');
      expect(stderr).toMatch(/^error: .*A seed such as 7.*\n$/);
      expect([stdout, code]).toEqual(['', 2]);
    });
  });
});
