import type { ApiResult } from '../api/methods';
import type { Command, Result, Session, Write } from '../kv/commands';
import { nameOf } from './session-model';

export type WriteMethod = 'kv.put' | 'kv.delete' | 'kv.compareAndSet';

/** A write as a client of the API sends it: which one of which client, if it says so, and what it is to do. */
export type ClientWrite = Partial<Session> & {
  readonly method: WriteMethod;
  readonly key: string;
  readonly value?: string | null;
  readonly expect?: string | null;
};

/** What a write does, in one text. */
export function textOf(command: Command): string {
  if (command.op === 'forget') return JSON.stringify([command.op, command.epoch]);
  const { value, expect } = command as { value?: string | null; expect?: string | null };
  return JSON.stringify([command.op, command.key, expect, value]);
}

export function textOfResult(result: Result | ({ readonly op: string } & ApiResult<WriteMethod>)): string {
  const { op, slot, replaced, deleted, swapped, actual, because, epoch } = result as Record<string, unknown>;
  return JSON.stringify([op, slot ?? epoch, replaced ?? deleted ?? swapped ?? because, actual]);
}

export function nameOfOrNone({ session }: Command): string {
  return session === null ? '' : nameOf(session);
}

/** Null where the write has none; without the epoch, which its client may change. */
export function sessionOf({ client, sequence }: ClientWrite): Session | null {
  return client === undefined || sequence === undefined ? null : { client, sequence };
}

export function commandOf(write: ClientWrite): Write {
  const { method, key, value, expect } = write;
  const op = method.slice('kv.'.length) as Write['op'];
  return { op, key, value, expect, session: sessionOf(write) } as Write;
}

export function describe(write: ClientWrite): string {
  const session = sessionOf(write);
  return session === null ? textOf(commandOf(write)) : nameOf(session);
}
