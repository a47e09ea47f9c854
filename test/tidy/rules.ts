import { posix } from 'node:path';
import ts from 'typescript';
import type { Files } from './project';

/** A rule returns one sentence per violation. */
export type Rule = (files: Files) => string[];

interface Reach {
  /** Folders of src. */
  readonly folders: readonly string[];
  readonly packages: readonly string[];
}

/** All that the inner folders of src may import. */
const INNER: Readonly<Record<string, Reach>> = {
  core: { folders: ['core'], packages: [] },
  protocols: { folders: ['core', 'protocols'], packages: ['zod'] },
  kv: { folders: ['core', 'kv'], packages: ['zod', 'sorted-btree'] },
  history: { folders: ['core', 'history', 'client'], packages: ['zod'] },
};

/** What the other folders of src may not import. */
const NOT_BY: Readonly<Record<string, readonly string[]>> = {
  api: ['cli', 'client', 'server', 'storage', 'network', 'simulation', 'history'],
  client: ['cli', 'kv', 'server', 'storage', 'network', 'protocols', 'simulation', 'history'],
  network: ['cli', 'client', 'server', 'storage', 'protocols', 'kv', 'simulation', 'history'],
  storage: ['cli', 'client', 'server', 'network', 'protocols', 'kv', 'simulation', 'history'],
  server: ['cli', 'client', 'bench', 'simulation', 'history'],
  bench: ['cli', 'simulation', 'history'],
  simulation: ['cli', 'bench', 'storage'],
};

export const dependencyDirections: Rule = (files) =>
  sources(files, ['src/']).flatMap(([path, text]) => {
    const from = folderOf(path);
    const inner = INNER[from];
    return ts.preProcessFile(text, true, true).importedFiles.flatMap(({ fileName }) => {
      const isOwn = fileName.startsWith('.');
      const to = isOwn ? folderOf(posix.join(posix.dirname(path), fileName)) : fileName;
      const isAllowed =
        inner === undefined
          ? !isOwn || !(NOT_BY[from] ?? []).includes(to)
          : (isOwn ? inner.folders : inner.packages).includes(to);
      return isAllowed ? [] : [`${path} imports ${fileName}`];
    });
  });

const WORLD = new Set([
  ...['setTimeout', 'setInterval', 'setImmediate', 'clearTimeout', 'clearInterval', 'queueMicrotask'],
  ...['process', 'performance', 'crypto', 'fetch', 'Buffer', 'require', 'globalThis'],
]);

/** Protocol code gets clock, random, network and storage from its Environment only. */
export const noWorld: Rule = (files) =>
  sources(files, ['src/core/', 'src/protocols/', 'src/kv/']).flatMap(([path, text]) => {
    const found: string[] = [];
    const visit = (node: ts.Node): void => {
      const used = worldly(node);
      if (used !== undefined) found.push(`${path} uses ${used}`);
      ts.forEachChild(node, visit);
    };
    visit(ts.createSourceFile(path, text, ts.ScriptTarget.ES2023, true));
    return found;
  });

function worldly(node: ts.Node): string | undefined {
  if (ts.isNewExpression(node) && ts.isIdentifier(node.expression) && node.expression.text === 'Date')
    return 'new Date';
  if (
    !ts.isPropertyAccessExpression(node) &&
    !ts.isCallExpression(node) &&
    !ts.isElementAccessExpression(node)
  )
    return undefined;
  const root = node.expression;
  if (!ts.isIdentifier(root)) return undefined;
  if (WORLD.has(root.text)) return root.text;
  const member = ts.isPropertyAccessExpression(node) ? `${root.text}.${node.name.text}` : root.text;
  return ['Date', 'Date.now', 'Math.random'].includes(member) ? member : undefined;
}

// One letter of each stands in brackets, or this file would break its own rules.
const LEFTOVERS: readonly (readonly [RegExp, string])[] = [
  [/\b(T[O]DO|F[I]XME|X[X]X)\b/, 'an unfinished mark'],
  [/\bc[o]nsole\.\w+\(/, 'console output'],
  [/^\s*d[e]bugger\b/, 'a breakpoint'],
  // A test that needs a tool may be `canDo ? test : test.s...`: it is counted as not run.
  [/(?<!\? test : )\b(test|it|describe)(\.\w+)*\.(o[n]ly|s[k]ip|t[o]do|f[a]iling)\b/, 'a test left out'],
  [/\b(f[d]escribe|f[i]t|x[d]escribe|x[i]t|x[t]est)\(/, 'a test left out'],
  [/jest\.r[e]tryTimes/, 'a test that is tried again'],
  [/@ts-(i[g]nore|n[o]check)/, 'types switched off'],
  [/e[s]lint-disable(?!.* -- \S)/, 'lint switched off without a reason after " -- "'],
];

export const noLeftovers: Rule = (files) =>
  sources(files, ['src/', 'test/', 'bin/', '.ci/']).flatMap(([path, text]) =>
    text
      .split('\n')
      .flatMap((line, index) =>
        LEFTOVERS.filter(([pattern]) => pattern.test(line)).map(
          ([, what]) => `${path}:${index + 1} has ${what}: ${line.trim()}`,
        ),
      ),
  );

const LONGEST_FILE = 300;

export const fileLength: Rule = (files) =>
  sources(files, ['src/', 'test/', 'bin/']).flatMap(([path, text]) => {
    const lines = text.trimEnd().split('\n').length;
    return lines > LONGEST_FILE ? [`${path} has ${lines} lines, more than ${LONGEST_FILE}`] : [];
  });

const MACHINE_PATH = /(?<![\w.$}])\/(w[o]rk|r[o]ot|U[s]ers|h[o]me)\/[\w.-]+/;

export const noMachinePaths: Rule = (files) =>
  [...files].flatMap(([path, text]) => {
    const found = MACHINE_PATH.exec(text)?.[0];
    return found === undefined ? [] : [`${path} names ${found}, a path of one machine`];
  });

interface LockedPackage {
  readonly resolved?: string;
  readonly integrity?: string;
  readonly optional?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/**
 * `npm ci` refuses a lock that leaves out other platforms' packages, and no download host belongs in it. Packages for
 * other platforms may lack a checksum: the registry that made the lock may not hold them.
 */
export const lockFile: Rule = (files) => {
  const lock = JSON.parse(files.get('package-lock.json') ?? '{}') as {
    packages?: Record<string, LockedPackage>;
  };
  const packages = lock.packages ?? {};
  if (Object.keys(packages).length === 0) return ['package-lock.json holds no packages'];
  return Object.entries(packages).flatMap(([where, entry]) => [
    ...(entry.resolved === undefined ? [] : [`${where} names a download host`]),
    ...(where === '' || entry.integrity !== undefined || entry.optional ? [] : [`${where} has no checksum`]),
    ...Object.keys(entry.optionalDependencies ?? {})
      .filter((name) => !placesToLook(where).some((place) => `${place}node_modules/${name}` in packages))
      .map(
        (name) => `${name}, an optional dependency of ${where || 'this package'}, is missing from the lock`,
      ),
  ]);
};

/** Where Node looks for what the package in this folder requires: in itself, then in each folder above. */
function placesToLook(where: string): string[] {
  const parts = where === '' ? [] : where.split('/node_modules/');
  return [...parts.map((_, index) => `${parts.slice(0, parts.length - index).join('/node_modules/')}/`), ''];
}

interface Manifest {
  readonly main?: string;
  readonly types?: string;
  readonly bin?: Readonly<Record<string, string>>;
  readonly files?: readonly string[];
  readonly exports?: unknown;
  readonly scripts?: Readonly<Record<string, string>>;
}

/** Everything that package.json points to. */
export function pointedTo(files: Files): string[] {
  const manifest = JSON.parse(files.get('package.json') ?? '{}') as Manifest;
  const programs = Object.values(manifest.scripts ?? {}).flatMap((script) =>
    [...script.matchAll(/\bnode (\S+)/g)].map((match) => match[1] ?? ''),
  );
  const all = [
    ...[manifest.main, manifest.types].filter((each) => each !== undefined),
    ...Object.values(manifest.bin ?? {}),
    ...(manifest.files ?? []).filter((pattern) => !pattern.startsWith('!')),
    ...leaves(manifest.exports),
    ...programs,
  ];
  return [...new Set(all.map((path) => posix.normalize(path)))];
}

function leaves(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(leaves) : [];
}

/** Programs: files of bin without an ending, and the scripts of .ci. */
export function programs(files: Files): string[] {
  return [...files.keys()].filter((path) => /^(bin|\.ci)\/[\w-]+$/.test(path));
}

export const shebangs: Rule = (files) =>
  programs(files).flatMap((path) =>
    files.get(path)?.startsWith('#!/usr/bin/env ') ? [] : [`${path} does not begin with #!/usr/bin/env`],
  );

function sources(files: Files, folders: readonly string[]): [string, string][] {
  return [...files].filter(
    ([path]) =>
      folders.some((folder) => path.startsWith(folder)) && /\.(tsx?|js)$|^(bin|\.ci)\/[\w-]+$/.test(path),
  );
}

/** `src/kv/store.ts` -> `kv`; a file of src itself has its own name. */
function folderOf(path: string): string {
  return path.split('/')[1] ?? '';
}
