import { afterEach, describe, expect, test } from '@jest/globals';
import { demo } from '../../src/cli/client/demo';
import { quoted, shown, wordsOf } from '../../src/cli/client/words';
import { healthyStore } from './fake-server';
import { clientOf, serverThat, stopAll } from './harness';

afterEach(stopAll);

describe('demo', () => {
  test('tells when the store loses a value', async () => {
    const store = healthyStore();
    const server = await serverThat((call) =>
      call.method === 'kv.get' ? { result: { found: false, applied: 1 } } : store(call),
    );
    const client = clientOf([server]);
    const lines: string[] = [];
    expect(await demo(client, (line) => lines.push(line))).toBe(false);
    expect(lines.filter((line) => line.startsWith('BAD GET'))).toHaveLength(5);
    expect(lines).toHaveLength(16);
  });
});

describe('words', () => {
  test.each([
    ['  put a  b ', ['put', 'a', 'b']],
    [`put "a b" 'c "d'`, ['put', 'a b', 'c "d']],
    [String.raw`"x\ty\"z\\" a\ b ""`, ['x\ty"z\\', 'a b', '']],
    ['pre"fix ed"post', ['prefix edpost']],
    ['', []],
  ])('%j', (line, words) => {
    expect(wordsOf(line)).toEqual(words);
  });

  test('an open quote is refused, and control characters are never shown raw', () => {
    for (const line of ['"a', "'a", 'a\\']) expect(() => wordsOf(line)).toThrow('quote');
    expect(shown('plain')).toBe('plain');
    expect(shown('a\u001b[2J\u0085')).toBe('"a\\u001b[2J\\u0085"');
    expect(JSON.parse(quoted('\u007f\u2028"\n'))).toBe('\u007f\u2028"\n');
  });
});
