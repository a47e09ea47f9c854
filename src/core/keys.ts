import type { Slot } from './ballot';

const DIGITS = 16;

/** A storage key whose order as text is the order of the slots. */
export function slotKey(prefix: string, slot: Slot): string {
  return prefix + String(slot).padStart(DIGITS, '0');
}

/** The slot of a key made by slotKey with this prefix, or undefined for any other key. */
export function slotOfKey(prefix: string, key: string): Slot | undefined {
  return key.startsWith(prefix) ? Number(key.slice(prefix.length)) : undefined;
}
