import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { runProgram } from './program';

const simulate = (...argv: string[]): ReturnType<typeof runProgram> => runProgram('bin/simulate', argv);

describe('bin/simulate', () => {
  test('the same seed gives the same trace in another process, whatever else runs beside it', async () => {
    const [alone, [, withOthers]] = await Promise.all([
      simulate('--seeds', '3', '--json'),
      simulate('--seeds', '3..4', '--jobs', '2', '--verbose').then(
        ({ stdout }) => /^seed 3: .* trace (\w+)$/m.exec(stdout) ?? [],
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

  test('local reads may show the past, and one is explained; linearizable ones never do', async () => {
    const [local, linearizable] = await Promise.all([
      simulate('--read', 'local', '--seeds', '1..40', '--servers', '5'),
      simulate('--read', 'linearizable', '--seeds', '1..40', '--servers', '5'),
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

  test('the museum names, describes and shows its exhibits', async () => {
    const [list, description, shown] = await Promise.all([
      simulate('museum', '--list'),
      simulate('museum', 'P-8', '--describe'),
      simulate('museum', 'p-1', 'P-23', '--most-seeds', '20'),
    ]);
    expect(list.stdout.trim().split('\n').length).toBeGreaterThanOrEqual(40);
    expect(description.stdout).toContain('in src/protocols/paxos/acceptor.ts:\n  - ');
    expect(shown.stdout).toMatch(/P-1 .* two values chosen \(seed \d+\)/);
    expect(shown.stdout).toContain('2 of 2 caught.\nThe shipped code passes the same');
    expect([list.code, description.code, shown.code]).toEqual([0, 0, 0]);
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

  test.each([
    [['--seeds', '5..1'], 'A seed such as 7'],
    [['--exhibit', 'P-99'], 'there is no exhibit P-99'],
    [['museum', 'X'], 'there is no exhibit X'],
    [['--replay', 'nowhere.json'], 'nowhere.json cannot be read'],
    [['--protocol', 'raft'], 'Allowed choices are paxos'],
    [['--seeds', '1..2', '--history', 'x'], 'give one seed'],
    [['search', '--exhibit', 'S-9'], 'outside of what the search runs'],
    [['serach'], 'error:'],
  ])('%j is one line and exit code 2', async (argv, message) => {
    const { code, stderr, stdout } = await simulate(...argv);
    expect(stderr).toContain(message);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect([stdout, code]).toEqual(['', 2]);
  });
});
