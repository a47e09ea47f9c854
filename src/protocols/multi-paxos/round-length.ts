import { sizeOf } from '../log/log';
import type { Value } from '../log/messages';

/** The most that one message of phase 2 holds, about. */
export interface RoundLimits {
  readonly roundSlots: number;
  readonly roundCharacters: number;
}

/** How many values, from position `from` on, travel together: at least one, if there is one. */
export function roundLength(
  values: readonly { readonly value: Value }[],
  from: number,
  { roundSlots, roundCharacters }: RoundLimits,
): number {
  let characters = 0;
  let length = 0;
  for (; length < roundSlots; length++) {
    const next = values[from + length];
    if (next === undefined) break;
    characters += sizeOf(next.value);
    if (length > 0 && characters > roundCharacters) break;
  }
  return length;
}
