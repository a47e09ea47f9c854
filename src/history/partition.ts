import type { History, Operation, Request } from './history';

/** An operation on one key. */
export interface KeyOperation extends Operation {
  readonly request: Exclude<Request, { readonly op: 'list' }>;
  /** It is what a list said about this key. */
  readonly isPartOfList?: boolean;
  /** It is shown as it was before it ended: its answer does not count. */
  readonly isOngoing?: boolean;
}

/** What a history says about one key: all but what surely had no effect, in the order of the begins. */
export interface KeyHistory {
  readonly key: string;
  readonly operations: readonly KeyOperation[];
}

/** An answer that is wrong whatever order the operations had. */
export interface WrongAnswer {
  readonly operation: Operation;
  readonly reason: string;
}

export interface Partition {
  /** Those with fewer operations first. */
  readonly keys: readonly KeyHistory[];
  /** Lists that no store can give, whatever it holds. */
  readonly wrongLists: readonly WrongAnswer[];
}

/** How many answers constrain something: what a key held, whatever one knows of the others. */
export function countChecked({ operations }: History, { keys, wrongLists }: Partition): number {
  const lists = new Set(wrongLists.map(({ operation }) => operation.id));
  for (const key of keys)
    for (const { id, isPartOfList } of key.operations) if (isPartOfList === true) lists.add(id);
  return operations.filter((each) => each.outcome === 'ok' && (tells(each) || lists.has(each.id))).length;
}

function tells({ request, response = {} }: Operation): boolean {
  switch (request.op) {
    case 'get':
      return response.value !== undefined;
    case 'put':
      return response.replaced !== undefined;
    case 'delete':
      return response.deleted !== undefined;
    case 'compareAndSet':
      return response.swapped !== undefined || response.actual !== undefined;
    case 'list':
      return false;
  }
}

/**
 * Linearizability is local: a history is linearizable if that of each key is [Herlihy-Wing 1990]. A list is taken
 * apart by the rule of docs/histories.md. Failed operations had no effect and are left out; so are lists without answer.
 */
export function partition(history: History): Partition {
  const byKey = new Map<string, KeyOperation[]>();
  const lists: Operation[] = [];
  const wrongLists: WrongAnswer[] = [];
  const operationsOf = (key: string): KeyOperation[] => {
    const known = byKey.get(key) ?? [];
    byKey.set(key, known);
    return known;
  };
  for (const operation of history.operations) {
    const { request, outcome, response } = operation;
    if (outcome === 'fail') continue;
    if (request.op !== 'list') operationsOf(request.key).push({ ...operation, request });
    else if (outcome === 'ok' && response?.entries !== undefined) {
      lists.push(operation);
      const reason = whyWrong(operation);
      if (reason !== undefined) wrongLists.push({ operation, reason });
      for (const { key } of response.entries) operationsOf(key);
    }
  }
  for (const list of lists) {
    const shown = new Map(list.response?.entries?.map(({ key, value }) => [key, value]));
    for (const [key, operations] of byKey) {
      if (!covers(list, key)) continue;
      const read = list.request.op === 'list' ? list.request.read : 'linearizable';
      operations.push({
        ...list,
        request: { op: 'get', key, read },
        response: { value: shown.get(key) ?? null },
        isPartOfList: true,
      });
    }
  }
  const keys = [...byKey].map(([key, operations]) => ({
    key,
    operations: operations.sort((a, b) => a.invoked - b.invoked),
  }));
  return { keys: keys.sort((a, b) => a.operations.length - b.operations.length), wrongLists };
}

/** Whether the answer of the list tells what this key held: a value, or by leaving it out that it held none. */
export function covers({ request, response }: Operation, key: string): boolean {
  if (request.op !== 'list' || !key.startsWith(request.prefix)) return false;
  if (request.after !== undefined && compareCodePoints(key, request.after) <= 0) return false;
  if (response?.more === false) return true;
  // Nobody said that the list was at its end, so it tells nothing behind its last entry.
  const last = response?.entries?.at(-1);
  return last !== undefined && compareCodePoints(key, last.key) <= 0;
}

function whyWrong({ request, response }: Operation): string | undefined {
  if (request.op !== 'list') return undefined;
  const entries = response?.entries ?? [];
  if (entries.length > request.limit)
    return `it shows ${entries.length} entries, its limit was ${request.limit}`;
  if (entries.length === 0 && response?.more === true) return 'it shows nothing and says that there is more';
  for (const [index, { key }] of entries.entries()) {
    const previous = entries[index - 1]?.key;
    const shown = JSON.stringify(key);
    if (previous !== undefined && compareCodePoints(previous, key) >= 0)
      return `${shown} comes after ${JSON.stringify(previous)}, which is not the order of keys`;
    if (!key.startsWith(request.prefix)) return `${shown} does not begin with the prefix that was asked for`;
    if (request.after !== undefined && compareCodePoints(key, request.after) <= 0)
      return `${shown} does not come after ${JSON.stringify(request.after)}, as was asked for`;
  }
  return undefined;
}

/** The byte order of UTF-8 is the order of code points. */
export function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    if (a.charCodeAt(index) === b.charCodeAt(index)) continue;
    // Two that differ in the second half of a pair only are told apart by that half.
    return (a.codePointAt(index) ?? 0) - (b.codePointAt(index) ?? 0);
  }
  return a.length - b.length;
}
