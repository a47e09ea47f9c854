import { spawn } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { applyEdits, compileText, Inapplicable, type Edit } from '../../simulation/museum/mutant';
import { PACKAGE_ROOT } from '../options';

/** What the tests read besides `src`; the installed packages are shared with the clone. */
const COPIED = ['src', 'test', 'bin', 'docs', 'package.json', 'tsconfig.json', 'prepopulate.json'];

/** Tests that have not ended by then never end: the mistake is caught all the same. */
const TESTS_TIMEOUT_MS = 10 * 60_000;

/** What the tests made of a mistake. */
export interface Judged {
  readonly isCaught: boolean;
  /** The titles of the tests that failed, or the last line that was printed where none ran. */
  readonly by: readonly string[];
}

/** The results that jest writes with `--json`, as far as they matter here. */
interface Results {
  readonly numTotalTests: number;
  readonly testResults: readonly {
    readonly message: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

/** Runs the test files on a copy of the clone with the edits in it. Rejects when no test ran. */
export async function runTestsWith(edits: readonly Edit[], tests: readonly string[]): Promise<Judged> {
  const tree = mkdtempSync(join(tmpdir(), 'synod-mistake-'));
  try {
    for (const name of COPIED) cpSync(join(PACKAGE_ROOT, name), join(tree, name), { recursive: true });
    symlinkSync(join(PACKAGE_ROOT, 'node_modules'), join(tree, 'node_modules'));
    for (const file of new Set(edits.map((edit) => edit.file))) {
      const own = edits.filter((edit) => edit.file === file);
      writeFileSync(join(tree, 'src', file), applyEdits(file, own));
    }
    // Some tests start programs from dist.
    build(tree);
    const { code, output } = await runNode(tree, [
      'node_modules/jest/bin/jest.js',
      '--json',
      '--silent',
      ...tests,
    ]);
    if (code === null) return { isCaught: true, by: [`not over within ${TESTS_TIMEOUT_MS / 60_000} min`] };
    return judge(output);
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
}

/** Types are of no concern, as a mistake may break them. What does not even compile is missed by whoever needs it. */
function build(tree: string): void {
  const files = readdirSync(join(tree, 'src'), { recursive: true, encoding: 'utf8' });
  for (const file of files.filter((name) => /(?<!\.d)\.ts$/.test(name))) {
    const target = join(tree, 'dist', file.replace(/\.ts$/, '.js'));
    mkdirSync(dirname(target), { recursive: true });
    try {
      writeFileSync(target, compileText(file, readFileSync(join(tree, 'src', file), 'utf8')));
    } catch (error) {
      if (!(error instanceof Inapplicable)) throw error;
    }
  }
}

function judge(output: string): Judged {
  const begin = output.indexOf('{"num');
  if (begin < 0) throw new Error(`jest gave no results: ${output.trim().split('\n').at(-1) ?? ''}`);
  const { numTotalTests, testResults } = JSON.parse(output.slice(begin)) as Results;
  const failed = testResults.flatMap(({ assertionResults }) =>
    assertionResults.filter(({ status }) => status === 'failed').map(({ fullName }) => fullName),
  );
  // A suite that cannot even be loaded has no failed test, only a message.
  const broken = testResults.filter(
    ({ message, assertionResults }) => message && assertionResults.length === 0,
  );
  if (numTotalTests === 0 && broken.length === 0) throw new Error('no test ran');
  const by = [...failed, ...broken.map(({ message }) => message.trim().split('\n')[0] ?? '')];
  return { isCaught: by.length > 0, by };
}

/** The code is null when the program was ended, since it took too long. */
function runNode(cwd: string, argv: readonly string[]): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, argv, {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: TESTS_TIMEOUT_MS,
      killSignal: 'SIGKILL',
    });
    let output = '';
    child.stdout.on('data', (data: Buffer) => (output += data.toString()));
    child.stderr.resume();
    child.on('error', reject);
    child.on('close', (code) => {
      resolve({ code, output });
    });
  });
}
