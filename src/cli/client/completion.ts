import type { Command } from 'commander';
import type { SynodClient } from '../../client/client';
import { ClientError } from '../../client/errors';
import { shown } from './words';

const KEYS_OFFERED = 50;
/** A TAB must not make the user wait for an ailing cluster. */
const PATIENCE_MS = 500;
const KEY_COMMANDS = new Set(['put', 'get', 'delete', 'del', 'cas', 'list', 'ls']);

/** What can be typed in place of a line's last word, and that word. */
export type Completion = [candidates: string[], word: string];

/** Completes commands, options, choices, and keys as the store has them now. */
export async function complete(line: string, program: Command, client: SynodClient): Promise<Completion> {
  const word = /\S*$/.exec(line)?.[0] ?? '';
  const before = line
    .slice(0, line.length - word.length)
    .trim()
    .split(/\s+/)
    .filter(Boolean);
  const [name] = before;
  const matching = (candidates: readonly string[]): Completion => [
    candidates.filter((candidate) => candidate.startsWith(word)).map((candidate) => `${candidate} `),
    word,
  ];
  const names = [...program.commands.map((command) => command.name()), 'help'];
  if (name === undefined || (name === 'help' && before.length === 1)) return matching(names);
  const command = program.commands.find((known) => known.name() === name || known.aliases().includes(name));
  if (command === undefined) return [[], word];
  const options = [...command.options, ...program.options];
  const previous = options.find(({ long }) => long === before.at(-1));
  if (previous?.long === '--at') return matching(client.servers);
  if (previous?.argChoices) return matching(previous.argChoices);
  if (word.startsWith('-')) return matching(options.flatMap(({ long }) => long ?? []));
  const choices = command.registeredArguments[before.length - 1]?.argChoices;
  if (choices) return matching(choices);
  if (before.length === 1 && KEY_COMMANDS.has(name)) return [await keys(word, client), word];
  return [[], word];
}

async function keys(word: string, client: SynodClient): Promise<string[]> {
  try {
    const { entries } = await client.list({ prefix: word, limit: KEYS_OFFERED, deadlineMs: PATIENCE_MS });
    // A key that needs quotes cannot continue a word typed without them.
    return entries.flatMap(({ key }) => (shown(key) === key && /^[^\s'"\\]+$/.test(key) ? `${key} ` : []));
  } catch (error) {
    if (error instanceof ClientError) return [];
    throw error;
  }
}
