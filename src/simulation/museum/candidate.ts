import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { PROTOCOLS, type ProtocolName } from '../../protocols/registry';
import type { Mistake } from './exhibit';

const text = z.string().min(1);

const candidate = z.strictObject({
  id: text.regex(/^\S+$/, 'an id without spaces is needed'),
  name: text,
  /** In whose runs it may show; left out: those of the protocol that it edits, or of all. */
  protocol: z.enum(Object.keys(PROTOCOLS) as [ProtocolName, ...ProtocolName[]]).optional(),
  quorums: text.optional(),
  edits: z.array(z.strictObject({ file: text, find: text, replace: z.string() })).min(1),
  /** Test files, from the root of the repository, that fail with the mistake in; for mistakes that no simulated run shows. */
  tests: z.array(text).optional(),
  /** Why the edit changes nothing that anybody could observe. */
  equivalent: text.optional(),
});

/** A mistake that somebody wants to see caught, or an edit that is argued to be none. */
export type Candidate = z.output<typeof candidate>;

/** Reads all candidates of a folder: each `*.json` file holds an array of them. Throws an Error that names the file. */
export function readCandidates(folder: string): Candidate[] {
  const files = readdirSync(folder).filter((file) => file.endsWith('.json'));
  const candidates = files.sort().flatMap((file) => readFile(join(folder, file)));
  const ids = candidates.map(({ id }) => id);
  const twice = ids.find((id, index) => ids.indexOf(id) !== index);
  if (twice !== undefined) throw new Error(`two candidates in ${folder} have the id ${twice}`);
  return candidates;
}

/** The mistake of a candidate, once for each protocol in whose runs it may show. */
export function mistakesOf({ protocol, quorums, ...rest }: Candidate): Mistake[] {
  const names = Object.keys(PROTOCOLS) as ProtocolName[];
  const edited = names.filter((name) => rest.edits.some(({ file }) => file.startsWith(`protocols/${name}/`)));
  const protocols = protocol !== undefined ? [protocol] : edited.length > 0 ? edited : names;
  return protocols.map((name) => ({
    id: rest.id,
    name: rest.name,
    edits: rest.edits,
    protocol: name,
    ...(quorums !== undefined && { quorums }),
  }));
}

function readFile(file: string): Candidate[] {
  try {
    return z.array(candidate).parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    const message = error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message;
    throw new Error(`${file} holds no array of candidates: ${message}`, { cause: error });
  }
}
