import type { History, Operation, ReadLevel, Request, Response } from '../../src/history/history';

type Part = Omit<Operation, 'id'>;

/** From `begin` to `end`, any numbers that are not used twice; an `end` of Infinity: unknown. */
function operation(client: string, begin: number, end: number, request: Request, response: Response): Part {
  const isKnown = Number.isFinite(end);
  return {
    client,
    request,
    invoked: begin,
    ended: end,
    invokedMs: begin,
    outcome: isKnown ? 'ok' : 'unknown',
    ...(isKnown ? { response, endedMs: end } : {}),
  };
}

export function put(
  client: string,
  begin: number,
  end: number,
  value: string,
  response: Response = {},
): Part {
  return operation(client, begin, end, { op: 'put', key: 'x', value }, response);
}

export function remove(client: string, begin: number, end: number, response: Response = {}): Part {
  return operation(client, begin, end, { op: 'delete', key: 'x' }, response);
}

export function get(client: string, begin: number, end: number, value: string | null): Part {
  return operation(client, begin, end, { op: 'get', key: 'x', read: 'linearizable' }, { value });
}

export function localGet(
  client: string,
  begin: number,
  end: number,
  value: string | null,
  server?: string,
  applied?: number,
): Part {
  const read = operation(client, begin, end, { op: 'get', key: 'x', read: 'local' }, { value, applied });
  return { ...read, server };
}

export function swap(
  client: string,
  begin: number,
  end: number,
  expect: string | null,
  value: string | null,
  response: Response = { swapped: true },
): Part {
  return operation(client, begin, end, { op: 'compareAndSet', key: 'x', expect, value }, response);
}

export function list(
  client: string,
  begin: number,
  end: number,
  entries: Readonly<Record<string, string>>,
  how: {
    more?: boolean;
    prefix?: string;
    after?: string;
    limit?: number;
    read?: ReadLevel;
    applied?: number;
  } = {},
): Part {
  const { more = false, applied, prefix = '', limit = 100, read = 'linearizable', after } = how;
  const shown = Object.entries(entries).map(([key, value]) => ({ key, value }));
  const request = { op: 'list', prefix, limit, read, after } as const;
  return operation(client, begin, end, request, { entries: shown, more, applied });
}

/** The same on another key. */
export function on(key: string, part: Part): Part {
  return { ...part, request: { ...part.request, key } as Request };
}

export function failed(part: Part): Part {
  return { ...part, outcome: 'fail', response: undefined };
}

export function history(parts: readonly Part[], initial: History['initial'] = 'absent'): History {
  const operations = [...parts]
    .sort((a, b) => a.invoked - b.invoked)
    .map((part, index) => ({ ...part, id: index + 1 }));
  return { initial, operations };
}

/** Only the first of the two unknown writes can bring the value back after the overwriting one. */
export const UNKNOWN_TO_KEEP = history([
  put('a', 0, Infinity, '1'),
  swap('b', 1, Infinity, null, '1'),
  get('c', 2, 3, '1'),
  put('c', 4, 5, '2'),
  get('c', 6, 7, '1'),
]);
