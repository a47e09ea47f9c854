const QUOTE = '"'.charCodeAt(0);
const BACKSLASH = '\\'.charCodeAt(0);
/** Each begins one more value, or a name with its value. */
const BEGINNINGS = new Set([',', '[', '{'].map((character) => character.charCodeAt(0)));

/**
 * Whether a text of JSON has so many values and names at most. Parsing takes a time for each part that is a hundred times
 * that for a byte of a text, so a body of few bytes can block a server for seconds.
 */
export function hasPartsUpTo(max: number, json: Uint8Array): boolean {
  let parts = 0;
  let isText = false;
  for (let at = 0; at < json.length; at++) {
    const byte = json[at] ?? 0;
    if (byte === QUOTE) isText = !isText;
    else if (isText) at += Number(byte === BACKSLASH);
    else if (byte < 0x80 && BEGINNINGS.has(byte) && ++parts > max) return false;
  }
  return true;
}
