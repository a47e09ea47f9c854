import { expect, test } from '@jest/globals';
import type { History } from '../../src/history/history';
import { judge } from '../../src/history/judge';
import { renderPage } from '../../src/history/page';
import { violationText } from '../../src/history/text';
import type { Violation } from '../../src/history/violation';
import { get, history, list, localGet, on, put } from './hand-made';

function violationOf(recorded: History): Violation {
  const judgement = judge(recorded);
  if (!('violation' in judgement)) throw new Error(judgement.kind);
  return judgement.violation;
}

const STALE = history([
  put('a', 0, 1, '1'),
  put('d', 1.5, Infinity, '3'),
  put('a', 2, 3, '2'),
  get('b', 4, 6, '2'),
  get('c', 5, 7, '1'),
]);

test('the page shows a bar for each operation, the points, and what has no place', () => {
  const page = renderPage(violationOf(STALE), 'history.jsonl');
  const bars = [...page.matchAll(/<button class="operation (\w+)"[^>]*><span>([^<]*)</g)].map(
    ([, kind, label]) => [kind, label],
  );
  expect(bars).toEqual([
    ['done', 'put &quot;2&quot;'],
    ['bad', 'get → &quot;1&quot;'],
  ]);
  expect(page.match(/class="point/g)).toHaveLength(1);
  expect(page).toContain('but then the key holds &quot;2&quot;');
  expect(page).toContain('<h1>Not linearizable: <span>stale read</span></h1>');
});

test('it needs nothing from elsewhere, and shows hostile text as text', () => {
  const hostile = '<script src="https://example.org/a.js">&\'"';
  const recorded = history([
    on(hostile, put(hostile, 0, 1, 'old')),
    on(hostile, put(hostile, 2, 3, hostile)),
    on(hostile, get('b', 4, 5, 'old')),
    on(hostile, get('b', 6, 7, hostile)),
  ]);
  const page = renderPage(violationOf(recorded), hostile);
  expect(page).not.toContain('<script src');
  expect(page.match(/<script/g)).toHaveLength(1);
  expect(page).not.toMatch(/<(link|img|iframe)|@import|url\(/);
  expect(page).toContain("default-src 'none'");
});

test('a wrong answer without a window has a page too', () => {
  const page = renderPage(violationOf(history([list('b', 2, 3, { y: '1', x: '1' })])), 'a.jsonl');
  expect(page).toContain('impossible list');
  expect(page).not.toContain('<button');
});

test('local reads that break their own promise are not called not linearizable', () => {
  const recorded = history([
    put('a', 0, 1, '1'),
    put('a', 2, 3, '2'),
    localGet('b', 4, 5, '2', 's2'),
    localGet('c', 6, 7, '1', 's2'),
  ]);
  expect(renderPage(violationOf(recorded), 'a.jsonl')).toContain(
    '<h1>Not sequential per server: <span>read that goes back in time</span></h1>',
  );
});

test('the text for a terminal', () => {
  expect(violationText(violationOf(STALE))).toEqual([
    'stale read: get x -> "1" by c shows an old value: put x = "2" by a had been acknowledged 2 ms before it began, and no write could have brought "1" back.',
    '',
    'The longest order that fits, on the key x, which held "1":',
    '  1  a  put x = "2"   now "2"',
    '  !  c  get x -> "1"  but then the key holds "2"',
    '3 more operations on this key do not matter for it.',
  ]);
});
