import { Buffer } from 'node:buffer';
import { expect, test } from '@jest/globals';
import { hasPartsUpTo } from '../../src/server/request-parts';

test.each([
  ['[1,2]', 2],
  ['{"a":1,"b":[true]}', 3],
  ['{"a":"1,2,[3,{4"}', 1],
  ['{"a":"\\",\\",[","b":"\\\\",""}', 3],
  ['"\u00ac\u00ec,\u00fb"', 0],
])('%s has %i parts, and those in texts do not count', (text, parts) => {
  expect(hasPartsUpTo(parts, Buffer.from(text))).toBe(true);
  expect(hasPartsUpTo(parts - 1, Buffer.from(text))).toBe(parts === 0);
});
