import { expect, test } from '@jest/globals';
import { ByteBudget } from '../../src/server/byte-budget';

const one = {};

test('who began first gives up when all together hold too much', () => {
  const budget = new ByteBudget(10, 100);
  const gaveUp: string[] = [];
  const [a, b, c] = ['a', 'b', 'c'].map((name) => budget.open({}, () => gaveUp.push(name)));
  a?.take(4);
  b?.take(4);
  c?.take(2);
  expect(gaveUp).toEqual([]);
  c?.take(1);
  expect(gaveUp).toEqual(['a']);
  expect(budget.bytes).toBe(7);
  a?.take(5);
  a?.release();
  expect(budget.bytes).toBe(7);
  b?.release();
  b?.release();
  c?.release();
  expect([budget.bytes, gaveUp]).toEqual([0, ['a']]);
});

test('what is at work is not given up: the newest one gives up instead', () => {
  const budget = new ByteBudget(10, 100);
  const gaveUp: string[] = [];
  const worker = budget.open({}, () => gaveUp.push('worker'));
  worker.take(9);
  worker.settle();
  const late = budget.open({}, () => gaveUp.push('late'));
  late.take(2);
  expect([budget.bytes, gaveUp]).toEqual([9, ['late']]);
  worker.release();
  expect(budget.bytes).toBe(0);
});

test('one owner holds so much at most, whoever else holds nothing', () => {
  const budget = new ByteBudget(100, 5);
  const gaveUp: string[] = [];
  budget.open(one, () => gaveUp.push('first')).take(3);
  budget.open({}, () => gaveUp.push('other')).take(5);
  budget.open(one, () => gaveUp.push('second')).take(3);
  expect([budget.bytes, gaveUp]).toEqual([8, ['second']]);
});
