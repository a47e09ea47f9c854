import { z } from 'zod';
import type { History, HistoryEvent, Operation, Request, Response } from './history';

/** What is wrong with a history, in one sentence that names the line or the event. */
export class HistoryError extends Error {
  override readonly name = 'HistoryError';
}

const id = z.int().min(0);
const timeMs = z.number().optional();
const value = z.string().nullable();
const key = z.string();
const read = z.enum(['local', 'linearizable']);
const begun = { type: z.literal('invoke'), id, client: z.string(), timeMs };
const notDone = { id, error: z.string().optional(), timeMs };

const invoke = z.discriminatedUnion('op', [
  z.strictObject({ ...begun, op: z.literal('get'), key, read }),
  z.strictObject({ ...begun, op: z.literal('put'), key, value: z.string() }),
  z.strictObject({ ...begun, op: z.literal('delete'), key }),
  z.strictObject({ ...begun, op: z.literal('compareAndSet'), key, expect: value, value }),
  z.strictObject({
    ...begun,
    op: z.literal('list'),
    prefix: z.string(),
    after: z.string().optional(),
    limit: z.int().min(1),
    read,
  }),
]);

const ok = z.strictObject({
  type: z.literal('ok'),
  id,
  server: z.string().optional(),
  timeMs,
  value: value.optional(),
  replaced: z.boolean().optional(),
  deleted: z.boolean().optional(),
  swapped: z.boolean().optional(),
  actual: value.optional(),
  entries: z.array(z.strictObject({ key, value: z.string() })).optional(),
  more: z.boolean().optional(),
  slot: z.int().optional(),
  applied: z.int().optional(),
});

const event = z.discriminatedUnion('type', [
  invoke,
  ok,
  z.strictObject({ type: z.literal('fail'), ...notDone }),
  z.strictObject({ type: z.literal('unknown'), ...notDone }),
]) satisfies z.ZodType<HistoryEvent>;

const header = z.strictObject({
  type: z.literal('history'),
  version: z.literal(1),
  initial: z.enum(['absent', 'unknown']).default('absent'),
});

/** One line of a history file, without the line's end. */
export function formatEvent(event: HistoryEvent): string {
  return JSON.stringify(event);
}

/** The first line of a history file. It may be left out when `initial` is `absent`. */
export function formatHeader(initial: History['initial']): string {
  return JSON.stringify({ type: 'history', version: 1, initial });
}

/** Reads a history file. Throws HistoryError with the number of the first wrong line. */
export function parseHistory(text: string): History {
  const lines = jsonLines(text);
  const [first] = lines;
  const isHeader = first !== undefined && (first.json as { type?: unknown } | null)?.type === 'history';
  const { initial } = isHeader ? understand(header, first.json, first.where) : { initial: 'absent' as const };
  const events = (isHeader ? lines.slice(1) : lines).map(({ json, where }) => ({
    event: understand(event, json, where),
    where,
  }));
  return assemble(events, initial);
}

/** The history that a recorder saw. Throws HistoryError when the events cannot belong together. */
export function historyOf(events: readonly HistoryEvent[], initial: History['initial']): History {
  return assemble(
    events.map((each, index) => ({ event: each, where: `event ${index + 1}` })),
    initial,
  );
}

/** Every line that is not empty, with the words that name it in an error. */
export function jsonLines(text: string): { json: unknown; where: string }[] {
  const lines: { json: unknown; where: string }[] = [];
  for (const [index, line] of text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .entries()) {
    if (line.trim() === '') continue;
    const where = `line ${index + 1}`;
    try {
      lines.push({ json: JSON.parse(line) as unknown, where });
    } catch (error) {
      throw new HistoryError(`${where} is not JSON: ${(error as Error).message}`);
    }
  }
  return lines;
}

/** The value as the schema describes it, or a HistoryError that says where it is not. */
export function understand<T>(schema: z.ZodType<T>, json: unknown, where: string): T {
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const path = issue?.path.join('.') ?? '';
  const message = `${path === '' ? '' : `${path}: `}${issue?.message ?? 'not understood'}`;
  throw new HistoryError(`${where}: ${message}${found(json, issue?.path ?? [])}`);
}

/** What stands at the wrong place, as far as it is short. */
function found(json: unknown, path: readonly PropertyKey[]): string {
  const at = path.reduce<unknown>((each, name) => (each as Record<PropertyKey, unknown>)[name], json);
  if (path.length === 0 || at === undefined || (typeof at === 'object' && at !== null)) return '';
  const shown = JSON.stringify(at);
  return `, found ${shown.length > 60 ? `${shown.slice(0, 60)}…` : shown}`;
}

/** What the answer to each operation may tell. */
const ANSWERS: Readonly<Record<Request['op'], readonly (keyof Response)[]>> = {
  get: ['value', 'applied'],
  put: ['replaced', 'slot'],
  delete: ['deleted', 'slot'],
  compareAndSet: ['swapped', 'actual', 'slot'],
  list: ['entries', 'more', 'applied'],
};

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function assemble(
  events: readonly { readonly event: HistoryEvent; readonly where: string }[],
  initial: History['initial'],
): History {
  const operations = new Map<number, Mutable<Operation>>();
  const ended = new Set<number>();
  for (const [position, { event: each, where }] of events.entries()) {
    const begin = operations.get(each.id);
    if (each.type === 'invoke') {
      if (begin !== undefined) throw new HistoryError(`${where}: operation ${each.id} has begun before`);
      operations.set(each.id, {
        id: each.id,
        client: each.client,
        request: without(each, ['type', 'id', 'client', 'timeMs']) as Request,
        invoked: position,
        ended: Infinity,
        outcome: 'unknown',
        invokedMs: each.timeMs,
      });
      continue;
    }
    if (begin === undefined) throw new HistoryError(`${where}: operation ${each.id} ends without a begin`);
    if (ended.has(each.id)) throw new HistoryError(`${where}: operation ${each.id} has ended before`);
    ended.add(each.id);
    end(begin, each, position, where);
  }
  return { initial, operations: [...operations.values()] };
}

function end(
  operation: Mutable<Operation>,
  event: Exclude<HistoryEvent, { readonly type: 'invoke' }>,
  position: number,
  where: string,
): void {
  operation.outcome = event.type;
  operation.endedMs = event.timeMs;
  if (event.type === 'ok') {
    operation.ended = position;
    operation.server = event.server;
    operation.response = without(event, ['type', 'id', 'server', 'timeMs']);
    mustAnswer(operation, where);
    return;
  }
  // What is unknown stays open, whenever its client gave up.
  if (event.type === 'fail') operation.ended = position;
  operation.error = event.error;
}

function mustAnswer({ id, request: { op }, response = {} }: Operation, where: string): void {
  const told = Object.entries(response).filter(([, content]) => content !== undefined);
  for (const [field] of told) {
    if (!ANSWERS[op].some((each) => each === field))
      throw new HistoryError(
        `${where}: ${field} is no part of the answer to a ${op}, as operation ${id} is; that has ${ANSWERS[op].join(', ')}`,
      );
  }
}

function without(object: object, names: readonly string[]): object {
  return Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name)));
}
