const SURROGATE = /[\ud800-\udfff]/;

/**
 * Negative, zero or positive as `a` comes before, is, or comes after `b` in the byte order of UTF-8, which is the
 * order of code points. It differs from JavaScript's order of code units only for surrogates against U+E000..U+FFFF.
 */
export function compareKeys(a: string, b: string): number {
  // The engine compares whole words at a time, and knows of most texts that they hold no surrogate.
  if (!SURROGATE.test(a) && !SURROGATE.test(b)) return a < b ? -1 : Number(a > b);
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    const isAstral = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdfff;
    if (isAstral(x) !== isAstral(y)) {
      if (isAstral(x) && y >= 0xe000) return 1;
      if (isAstral(y) && x >= 0xe000) return -1;
    }
    return x - y;
  }
  return a.length - b.length;
}
