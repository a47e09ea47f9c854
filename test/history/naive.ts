import type { History, Operation } from '../../src/history/history';

type Value = string | null;
export type State = ReadonlyMap<string, Value>;

/**
 * Decides by trying all orders of all operations, with every subset of the unknown ones. Slow, and meant to be seen
 * right at a glance; it shares no line with the checker. Knows no lists.
 */
export function naivelyLinearizable(history: History, relaxLocalReads = false): boolean {
  const operations = history.operations.filter(({ outcome }) => outcome !== 'fail');
  return startsOf(history).some((start) => someOrder(operations, start, relaxLocalReads));
}

/** Whether some order of all these operations is possible from this state on, unknown ones where they help. */
export function someOrder(left: readonly Operation[], state: State, relax: boolean): boolean {
  if (left.every(({ outcome }) => outcome === 'unknown')) return true;
  return left.some((operation) => {
    const others = left.filter((other) => other !== operation);
    if (others.some((other) => other.outcome === 'ok' && mustPrecede(other, operation, relax))) return false;
    const next = perform(state, operation);
    return next !== undefined && someOrder(others, next, relax);
  });
}

function mustPrecede(a: Operation, b: Operation, relax: boolean): boolean {
  if (a.ended >= b.invoked) return false;
  if (!relax || !isLocalRead(b)) return true;
  return isLocalRead(a) && a.server !== undefined && a.server === b.server;
}

function isLocalRead({ request }: Operation): boolean {
  return request.op === 'get' && request.read === 'local';
}

/** The state afterwards, or undefined when the answer does not fit. */
function perform(state: State, { request, outcome, response = {} }: Operation): State | undefined {
  if (request.op === 'list') throw new Error('no lists here');
  const held = state.get(request.key) ?? null;
  const fits = <T>(told: T | undefined, is: T): boolean =>
    outcome === 'unknown' || told === undefined || told === is;
  const put = (value: Value): State => new Map(state).set(request.key, value);
  switch (request.op) {
    case 'get':
      return fits(response.value, held) ? state : undefined;
    case 'put':
      return fits(response.replaced, held !== null) ? put(request.value) : undefined;
    case 'delete':
      return fits(response.deleted, held !== null) ? put(null) : undefined;
    case 'compareAndSet': {
      const swapped = held === request.expect;
      if (!fits(response.swapped, swapped) || !fits(response.actual, held)) return undefined;
      return swapped ? put(request.value) : state;
    }
  }
}

/** Every store that could make a difference. */
function startsOf({ initial, operations }: History): State[] {
  if (initial === 'absent') return [new Map()];
  const keys = new Set(operations.flatMap(({ request }) => (request.op === 'list' ? [] : [request.key])));
  const values = new Set<Value>([null, 'a value that nobody names']);
  for (const { request, response } of operations) {
    if (request.op === 'put') values.add(request.value);
    if (request.op === 'compareAndSet') values.add(request.expect).add(request.value);
    values.add(response?.value ?? null).add(response?.actual ?? null);
  }
  let states: State[] = [new Map()];
  for (const key of keys)
    states = states.flatMap((state) => [...values].map((value) => new Map(state).set(key, value)));
  return states;
}
