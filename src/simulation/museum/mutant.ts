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

/** A source as JavaScript, and the sources that it imports. */
interface Compiled {
  readonly code: string;
  readonly imports: readonly string[];
}

const compiled = new Map<string, Compiled>();
/** The modules that no mistake reaches: they were run once, and the code of all mutants shares them. */
const shared: Modules = new Map();

type Modules = Map<string, { exports: unknown }>;

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

/** The text of a file below src/ as JavaScript, its types unchecked. Throws Inapplicable. */
export function compileText(file: string, text: string): string {
  const options: Options = {
    jsc: { target: 'es2023', parser: { syntax: 'typescript' } },
    module: { type: 'commonjs' },
  };
  try {
    return compiler().transformSync(text, options).code;
  } catch (error) {
    throw new Inapplicable(`a mutant of ${file} does not compile: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function compile(file: string, edits: readonly Edit[]): Compiled {
  const known = compiled.get(file);
  if (known !== undefined && edits.length === 0) return known;
  const text = edits.length > 0 ? applyEdits(file, edits) : readSource(file);
  const code = compileText(file, text);
  const imports = [...code.matchAll(/(?<=\brequire\(")\.[^"]+(?="\))/g)].map(([name]) =>
    sourceOf(name, file),
  );
  const result = { code, imports };
  if (edits.length === 0) compiled.set(file, result);
  return result;
}

/** The file below src/ that another one imports under this name. */
function sourceOf(name: string, importer: string): string {
  return `${path.posix.join(path.posix.dirname(importer), name)}.ts`;
}

/** All that these files import, and that their imports do, with the edits in it. */
function compileAll(files: readonly string[], edits: readonly Edit[]): Map<string, Compiled> {
  const sources = new Map<string, Compiled>();
  const add = (file: string): void => {
    if (sources.has(file)) return;
    const source = compile(
      file,
      edits.filter((edit) => edit.file === file),
    );
    sources.set(file, source);
    source.imports.forEach(add);
  };
  files.forEach(add);
  return sources;
}

/** The edited files, those that import them, those that import these, and so on. */
function reached(sources: ReadonlyMap<string, Compiled>, edits: readonly Edit[]): Set<string> {
  const importers = new Map<string, string[]>();
  for (const [file, { imports }] of sources)
    for (const name of imports) importers.set(name, [...(importers.get(name) ?? []), file]);
  const files = new Set<string>();
  const add = (file: string): void => {
    if (files.has(file)) return;
    files.add(file);
    importers.get(file)?.forEach(add);
  };
  for (const { file } of edits) add(file);
  return files;
}

/**
 * Compiles what these files below src/ import, with the edits, in memory, and gives their exports in the same order.
 * The modules are a world of their own: their classes are not those of the shipped code. What no edit reaches is the same
 * in all mutants, so that it is loaded, and made fast by Node, once.
 */
export function loadMutant(files: readonly string[], edits: readonly Edit[]): unknown[] {
  const edited = [...new Set(edits.map(({ file }) => file))];
  for (const file of edited)
    applyEdits(
      file,
      edits.filter((edit) => edit.file === file),
    );
  const sources = compileAll(files, edits);
  const unused = edited.filter((file) => !sources.has(file));
  if (unused.length > 0) throw new NotSimulated(`a mutant edits what nobody imports: ${unused.join()}`);
  const mutated = reached(sources, edits);
  const own: Modules = new Map();
  const load = (file: string): unknown => {
    const modules = mutated.has(file) ? own : shared;
    const known = modules.get(file);
    if (known !== undefined) return known.exports;
    const module = { exports: {} };
    modules.set(file, module);
    const require = (name: string): unknown =>
      name.startsWith('.') ? load(sourceOf(name, file)) : requireFromSource(name);
    const code = sources.get(file)?.code ?? '';
    // eslint-disable-next-line @typescript-eslint/no-implied-eval -- the code comes from this repository
    const run = new Function('module', 'exports', 'require', '__dirname', code) as (
      ...parts: unknown[]
    ) => void;
    run(module, module.exports, require, path.dirname(path.join(SOURCE, file)));
    return module.exports;
  };
  return files.map(load);
}
