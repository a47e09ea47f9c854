import { z } from 'zod';
import type { History, HistoryEvent, Request, Response } from './history';
import { historyOf, HistoryError, jsonLines, understand } from './json-lines';

const process = z.union([z.int(), z.string()]);
const value = z.string();
const error = z.string().optional();

const line = z.discriminatedUnion('type', [
  z.discriminatedUnion('op', [
    z.strictObject({ process, type: z.literal('invoke'), op: z.literal('read') }),
    z.strictObject({ process, type: z.literal('invoke'), op: z.literal('write'), value }),
    z.strictObject({ process, type: z.literal('invoke'), op: z.literal('cas'), expect: value, value }),
  ]),
  z.discriminatedUnion('op', [
    z.strictObject({ process, type: z.literal('ok'), op: z.literal('read'), result: value.nullable() }),
    // Some recorders repeat in the end what was asked for; it must be the same then.
    z.strictObject({ process, type: z.literal('ok'), op: z.literal('write'), value: value.optional() }),
    z.strictObject({
      process,
      type: z.literal('ok'),
      op: z.literal('cas'),
      swapped: z.boolean(),
      expect: value.optional(),
      value: value.optional(),
    }),
  ]),
  z.strictObject({
    process,
    type: z.enum(['fail', 'unknown']),
    op: z.enum(['read', 'write', 'cas']),
    expect: value.optional(),
    value: value.optional(),
    error,
  }),
]);

type Line = z.output<typeof line>;
type Begin = Extract<Line, { readonly type: 'invoke' }>;
type End = Exclude<Line, Begin>;

/** The key that the one register of such a run gets. */
export const REGISTER = 'register';

/** Whether the text looks like a recorded register run rather than a history of this store. */
export function isRegisterFormat(text: string): boolean {
  const first = /^\s*(\S.*)$/m.exec(text)?.[1] ?? '';
  return /^\{.*"process"\s*:/.test(first) && !/"id"\s*:/.test(first);
}

/**
 * Reads a recorded Jepsen run of one register that begins empty (see docs/histories.md). A process does one operation
 * at a time, so its next end belongs to its last begin. Throws HistoryError with the number of the first wrong line.
 */
export function parseRegisterHistory(text: string): History {
  const open = new Map<number | string, { readonly id: number; readonly begin: Begin }>();
  const lives = new Map<number | string, number>();
  const events: HistoryEvent[] = [];
  let lastId = 0;
  for (const { json, where } of jsonLines(text)) {
    const each = understand(line, json, where);
    const { process: name } = each;
    const current = open.get(name);
    if (each.type === 'invoke') {
      if (current !== undefined)
        throw new HistoryError(`${where}: process ${name} begins before its last operation has ended`);
      const id = ++lastId;
      open.set(name, { id, begin: each });
      const life = lives.get(name) ?? 1;
      const client = life === 1 ? `${name}` : `${name}.${life}`;
      events.push({ type: 'invoke', id, client, ...requestOf(each) });
      continue;
    }
    if (current === undefined) throw new HistoryError(`${where}: process ${name} ends what it has not begun`);
    mustMatch(current.begin, each, where);
    open.delete(name);
    // What is unknown goes on: should its process come back, it is another client.
    if (each.type === 'unknown') lives.set(name, (lives.get(name) ?? 1) + 1);
    events.push(endOf(current.id, each));
  }
  return historyOf(events, 'absent');
}

function requestOf(begin: Begin): Request {
  switch (begin.op) {
    case 'read':
      return { op: 'get', key: REGISTER, read: 'linearizable' };
    case 'write':
      return { op: 'put', key: REGISTER, value: begin.value };
    case 'cas':
      return { op: 'compareAndSet', key: REGISTER, expect: begin.expect, value: begin.value };
  }
}

function endOf(id: number, end: End): HistoryEvent {
  if (end.type !== 'ok') return { type: end.type, id, error: end.error };
  return { type: 'ok', id, ...responseOf(end) };
}

function responseOf(end: Extract<End, { readonly type: 'ok' }>): Response {
  switch (end.op) {
    case 'read':
      return { value: end.result };
    case 'write':
      return {};
    case 'cas':
      return { swapped: end.swapped };
  }
}

function mustMatch(begin: Begin, end: End, where: string): void {
  if (begin.op !== end.op)
    throw new HistoryError(`${where}: process ${end.process} ends a ${end.op} but has begun a ${begin.op}`);
  for (const field of ['expect', 'value'] as const) {
    const begun = (begin as { readonly [field]?: string })[field];
    const ended = (end as { readonly [field]?: string })[field];
    if (ended !== undefined && ended !== begun)
      throw new HistoryError(
        `${where}: ${field} is ${ended} here but was ${begun ?? 'not given'} at the begin`,
      );
  }
}
