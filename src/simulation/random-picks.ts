import type { Random } from '../core/environment';

/** One of these, all equally likely. */
export function pick<Item>(random: Random, items: readonly Item[]): Item {
  const item = items[random.int(0, items.length - 1)];
  if (item === undefined) throw new RangeError('nothing to pick from');
  return item;
}

export function shuffled<Item>(random: Random, items: readonly Item[]): Item[] {
  return items
    .map((item) => ({ item, at: random.float() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}

/** Zero in one half of the runs, else up to `most`: each run is a mix of its own, and most kinds are absent (swarm testing). */
export function sometimes(random: Random, most: number): number {
  return random.chance(0.5) ? 0 : random.float() * most;
}
