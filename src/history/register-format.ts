import { z } from 'zod';
import type { History, HistoryEvent, Request, Response } from './history';
import { historyOf, HistoryError, jsonLines, understand } from './json-lines';

const process = z.union([z.int(), z.string()]);
const value = z.union([z.string(), z.int().transform(String)]);
const error = z.string().optional();
/** What recorders like to add. Only the order of the lines means anything. */
const aside = { time: z.unknown().optional(), index: z.unknown().optional(), id: z.unknown().optional() };
const begun = { process, type: z.literal('invoke'), ...aside };
const done = { process, type: z.literal('ok'), ...aside };

const line = z.discriminatedUnion('type', [
  z.discriminatedUnion('op', [
    z.strictObject({ ...begun, op: z.literal('read'), value: z.null().optional() }),
    z.strictObject({ ...begun, op: z.literal('write'), value }),
    z.strictObject({ ...begun, op: z.literal('cas'), expect: value, value }),
  ]),
  z.discriminatedUnion('op', [
    z.strictObject({
      ...done,
      op: z.literal('read'),
      result: value.nullable().optional(),
      value: value.nullable().optional(),
    }),
    // Some recorders repeat in the end what was asked for; it must be the same then.
    z.strictObject({ ...done, op: z.literal('write'), value: value.optional() }),
    z.strictObject({
      ...done,
      op: z.literal('cas'),
      swapped: z.boolean().default(true),
      expect: value.optional(),
      value: value.optional(),
    }),
  ]),
  z.strictObject({
    process,
    type: z.enum(['fail', 'unknown', 'info']),
    op: z.enum(['read', 'write', 'cas']),
    expect: value.optional(),
    value: value.nullable().optional(),
    swapped: z.literal(false).optional(),
    error,
    ...aside,
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
  return /^\{.*"process"\s*:/.test(first) && !/"client"\s*:/.test(first);
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
      // What was never answered is open to the end, and goes on beside what its process does next.
      if (current !== undefined) lives.set(name, (lives.get(name) ?? 1) + 1);
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
    if (isUnknown(each)) lives.set(name, (lives.get(name) ?? 1) + 1);
    events.push(endOf(current.id, each, where));
  }
  return historyOf(events, 'absent');
}

function isUnknown({ type }: End): boolean {
  return type === 'unknown' || type === 'info';
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

function endOf(id: number, end: End, where: string): HistoryEvent {
  if (end.type !== 'ok') return { type: end.type === 'fail' ? 'fail' : 'unknown', id, error: end.error };
  return { type: 'ok', id, ...responseOf(end, where) };
}

function responseOf(end: Extract<End, { readonly type: 'ok' }>, where: string): Response {
  switch (end.op) {
    case 'read':
      return { value: resultOf(end, where) };
    case 'write':
      return {};
    case 'cas':
      return { swapped: end.swapped };
  }
}

type Read = Extract<End, { readonly type: 'ok'; readonly op: 'read' }>;

/** Some recorders give it as `value`; others repeat there, as null, that the begin had none. */
function resultOf({ result, value: shown }: Read, where: string): string | null {
  if (result === undefined && shown === undefined)
    throw new HistoryError(`${where}: result: missing, as is value: what did the read show?`);
  if (typeof result === 'string' && typeof shown === 'string' && shown !== result)
    throw new HistoryError(`${where}: value is ${shown} but result is ${result}`);
  return result === undefined ? (shown ?? null) : result;
}

function mustMatch(begin: Begin, end: End, where: string): void {
  if (begin.op !== end.op)
    throw new HistoryError(`${where}: process ${end.process} ends a ${end.op} but has begun a ${begin.op}`);
  for (const field of ['expect', 'value'] as const) {
    const begun = (begin as { readonly [field]?: string | null })[field];
    const ended = (end as { readonly [field]?: string | null })[field];
    if (typeof ended === 'string' && ended !== begun && end.op !== 'read')
      throw new HistoryError(
        `${where}: ${field} is ${ended} here but was ${begun ?? 'not given'} at the begin`,
      );
  }
}
