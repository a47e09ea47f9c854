import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';

export const ROOT = resolve(__dirname, '../..');

/** Path relative to the project, with `/` between its parts, to content. */
export type Files = ReadonlyMap<string, string>;

const NOT_OURS = new Set(['.git', 'node_modules', 'dist', 'data', 'coverage']);
const TEXT = /\.(ts|tsx|js|json|md|ya?ml|html|css|sh)$|^(bin|\.ci)\/[\w-]+$/;

/** Every text file of the project that its people wrote. */
export function readProject(folder = ''): Files {
  const files = new Map<string, string>();
  for (const entry of readdirSync(join(ROOT, folder), { withFileTypes: true })) {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory() && !NOT_OURS.has(entry.name)) {
      for (const [below, text] of readProject(path)) files.set(below, text);
    } else if (entry.isFile() && TEXT.test(path)) {
      files.set(path, readFileSync(join(ROOT, path), 'utf8'));
    }
  }
  return files;
}

export function existsInProject(path: string): boolean {
  return existsSync(join(ROOT, path));
}

export function isExecutable(path: string): boolean {
  return (statSync(join(ROOT, path)).mode & 0o111) === 0o111;
}
