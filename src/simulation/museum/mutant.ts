import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import type { Options, transformSync } from '@swc/core';

/** A deliberate mistake: `find` occurs exactly once in `file` (below src/) and is replaced by `replace`. */
export interface Edit {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** The mistake cannot be put in: an edit finds no place, or more than one, or what it makes does not compile. */
export class Inapplicable extends Error {}

/** The mistake is in a file that the simulator does not run. */
export class NotSimulated extends Error {}

/** The sources, seen from here and from where this is compiled to. */
const SOURCE = path.resolve(__dirname, '../../../src');
const requireFromSource = createRequire(path.join(SOURCE, 'index.ts'));
const compiled = new Map<string, string>();

/** Mistakes are put into the sources, which come with a clone of the repository, as does the compiler. */
export function canMutate(): boolean {
  return existsSync(path.join(SOURCE, 'index.ts'));
}

function compiler(): { transformSync: typeof transformSync } {
  return requireFromSource('@swc/core') as { transformSync: typeof transformSync };
}

/** The text of a file below src/ with the edits in it. Throws Inapplicable. */
export function applyEdits(file: string, edits: readonly Edit[]): string {
  let text = readSource(file);
  for (const { find, replace } of edits) {
    const pieces = text.split(find);
    if (pieces.length !== 2)
      throw new Inapplicable(
        `a mutant no longer applies: ${pieces.length - 1} places in ${file} match ${find}`,
      );
    text = pieces.join(replace);
  }
  return text;
}

function readSource(file: string): string {
  try {
    return readFileSync(path.join(SOURCE, file), 'utf8');
  } catch (error) {
    throw new Inapplicable(`a mutant edits src/${file}, which cannot be read`, { cause: error });
  }
}

function compileMutant(file: string, text: string, options: Options): string {
  try {
    return compiler().transformSync(text, options).code;
  } catch (error) {
    throw new Inapplicable(`a mutant of ${file} does not compile: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function compile(file: string, edits: readonly Edit[]): string {
  const options = {
    jsc: { target: 'es2023', parser: { syntax: 'typescript' } },
    module: { type: 'commonjs' },
  } as const;
  if (edits.length > 0) return compileMutant(file, applyEdits(file, edits), options);
  let code = compiled.get(file);
  if (code === undefined) compiled.set(file, (code = compileMutant(file, readSource(file), options)));
  return code;
}

/**
 * Compiles what these files below src/ import, with the edits, in memory, and gives their exports in the same order.
 * The modules are a world of their own: their classes are not those of the shipped code.
 */
export function loadMutant(files: readonly string[], edits: readonly Edit[]): unknown[] {
  const cache = new Map<string, { exports: unknown }>();
  const unused = new Set(edits.map(({ file }) => file));
  for (const file of unused)
    applyEdits(
      file,
      edits.filter((edit) => edit.file === file),
    );
  const load = (file: string): unknown => {
    const known = cache.get(file);
    if (known !== undefined) return known.exports;
    const module = { exports: {} };
    cache.set(file, module);
    unused.delete(file);
    const code = compile(
      file,
      edits.filter((edit) => edit.file === file),
    );
    const require = (name: string): unknown =>
      name.startsWith('.')
        ? load(`${path.posix.join(path.posix.dirname(file), name)}.ts`)
        : requireFromSource(name);
    // eslint-disable-next-line @typescript-eslint/no-implied-eval -- the code comes from this repository
    const run = new Function('module', 'exports', 'require', '__dirname', code) as (
      ...parts: unknown[]
    ) => void;
    run(module, module.exports, require, path.dirname(path.join(SOURCE, file)));
    return module.exports;
  };
  const exports = files.map(load);
  if (unused.size > 0) throw new NotSimulated(`a mutant edits what nobody imports: ${[...unused].join()}`);
  return exports;
}
