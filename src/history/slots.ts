import { foundBy, leftBy, showHeld, showKey } from './describe';
import type { History, Operation } from './history';
import { covers, type KeyOperation, type WrongAnswer } from './partition';

interface Write {
  readonly slot: number;
  readonly held: string | null;
}

/**
 * A read that says how far its server had applied the log (`applied`) must show exactly what the writes in the slots up
 * to there left, all of its keys from the same moment. Keys count whose every write is known with its slot; so this
 * sees what a check key by key cannot, and nothing at all in histories without slots.
 */
export function findTornRead(history: History): WrongAnswer | undefined {
  if (history.initial === 'unknown') return undefined;
  const writes = knownWrites(history);
  for (const operation of history.operations) {
    const applied = operation.response?.applied;
    if (applied === undefined) continue;
    for (const { key, held } of shownBy(operation, writes.keys())) {
      const expected = heldAt(writes.get(key) ?? [], applied);
      if (!writes.has(key) || held === expected) continue;
      const reason = `it shows ${showKey(key)} as ${showHeld(held)}, but after slot ${applied}, up to which its server had applied the log, the key held ${showHeld(expected)}`;
      return { operation, reason };
    }
  }
  return undefined;
}

/** What these writes in the order of their slots left up to this one. */
function heldAt(writes: readonly Write[], applied: number): string | null {
  let [low, high] = [0, writes.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((writes[middle]?.slot ?? Infinity) <= applied) low = middle + 1;
    else high = middle;
  }
  return writes[low - 1]?.held ?? null;
}

function shownBy(operation: Operation, keys: Iterable<string>): { key: string; held: string | null }[] {
  const { request, response } = operation;
  if (request.op === 'get')
    return response?.value === undefined ? [] : [{ key: request.key, held: response.value }];
  if (request.op !== 'list' || response?.entries === undefined) return [];
  const shown = new Map(response.entries.map(({ key, value }) => [key, value]));
  return [...keys]
    .filter((key) => covers(operation, key))
    .map((key) => ({ key, held: shown.get(key) ?? null }));
}

/** By key: its writes in the order of their slots; without keys of which one write is not known for sure. */
function knownWrites({ operations }: History): Map<string, Write[]> {
  const writes = new Map<string, Write[]>();
  const unsure = new Set<string>();
  for (const operation of operations) {
    if (operation.outcome === 'fail' || !isWrite(operation)) continue;
    const { request, response } = operation;
    const held = leftBy(operation);
    const isKnown =
      operation.outcome === 'ok' &&
      (request.op !== 'compareAndSet' || foundBy(operation) !== undefined || response?.swapped === false);
    if (!isKnown || response?.slot === undefined) unsure.add(request.key);
    else if (held !== undefined) {
      const known = writes.get(request.key) ?? [];
      known.push({ slot: response.slot, held });
      writes.set(request.key, known);
    }
  }
  for (const [key, each] of writes) {
    each.sort((a, b) => a.slot - b.slot);
    if (each.some(({ slot }, index) => slot === each[index + 1]?.slot)) unsure.add(key);
  }
  for (const key of unsure) writes.delete(key);
  return writes;
}

function isWrite(operation: Operation): operation is KeyOperation {
  return operation.request.op !== 'get' && operation.request.op !== 'list';
}
