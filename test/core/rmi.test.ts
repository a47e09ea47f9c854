import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import type { Faults, Transport } from '../../src/core/environment';
import { CallRefused, Unanswered } from '../../src/core/errors';
import { Dispatcher, stub, unreliable, type Method, type Service } from '../../src/core/rmi';

const METHODS = {
  add: {
    lane: 'vote',
    params: z.object({ a: z.int(), b: z.int() }),
    result: z.object({ sum: z.int() }),
  } satisfies Method<{ a: number; b: number }, { sum: number }>,
};

class Calculator implements Service<typeof METHODS> {
  calls = 0;

  add({ a, b }: { a: number; b: number }): Promise<{ sum: number }> {
    this.calls++;
    return Promise.resolve({ sum: a + b });
  }

  secret(): Promise<string> {
    return Promise.resolve('secret');
  }
}

function exposed(): Dispatcher {
  const dispatcher = new Dispatcher();
  dispatcher.expose('calculator', METHODS, new Calculator());
  return dispatcher;
}

describe('calls from peers', () => {
  test('an exposed method can be called', async () => {
    await expect(exposed().dispatch('calculator.add', { a: 2, b: 3 })).resolves.toEqual({ sum: 5 });
  });

  test.each([
    'calculator.secret',
    'calculator.constructor',
    'calculator.__proto__',
    'calculator.toString',
    'calculator.calls',
    'calculator',
    'add',
    '',
    'constructor',
    '__proto__',
    'toString',
    'calculator.add.call',
    'Calculator.add',
  ])('nothing else can: %s', async (name) => {
    const refused = exposed().dispatch(name, { a: 2, b: 3 });
    await expect(refused).rejects.toThrow(CallRefused);
    await expect(refused).rejects.toMatchObject({ reason: 'unknown-method' });
  });

  test.each([[undefined], [null], [[1, 2]], [{ a: 1 }], [{ a: '1', b: 2 }], [{ a: 1.5, b: 2 }], ['add']])(
    'parameters that do not fit are refused: %j',
    async (params) => {
      const refused = exposed().dispatch('calculator.add', params);
      await expect(refused).rejects.toThrow(/^calculator\.add: /);
      await expect(refused).rejects.toMatchObject({ reason: 'invalid-params' });
    },
  );

  test('a service without a method of its interface is a mistake of this program', () => {
    const incomplete = {} as Service<typeof METHODS>;
    expect(() => {
      new Dispatcher().expose('calculator', METHODS, incomplete);
    }).toThrow('broken invariant');
  });
});

describe('a stub', () => {
  function transportThatAnswers(answer: unknown): { transport: Transport; calls: unknown[] } {
    const calls: unknown[] = [];
    const transport: Transport = {
      call: (...call) => {
        calls.push(call);
        return Promise.resolve(answer);
      },
      listen: () => undefined,
    };
    return { transport, calls };
  }

  test('calls the object on its peer by lane and in time', async () => {
    const { transport, calls } = transportThatAnswers({ sum: 7 });
    const calculator = stub(transport, 4, 'calculator', METHODS, 250);
    await expect(calculator.add({ a: 3, b: 4 })).resolves.toEqual({ sum: 7 });
    expect(calls).toEqual([[4, 'calculator.add', { a: 3, b: 4 }, { timeoutMs: 250, lane: 'vote' }]]);
  });

  test.each([[{ sum: '7' }], [{}], [null], [undefined]])(
    'rejects an answer that does not fit: %j',
    async (answer) => {
      const { transport } = transportThatAnswers(answer);
      await expect(stub(transport, 4, 'calculator', METHODS, 250).add({ a: 3, b: 4 })).rejects.toThrow();
    },
  );
});

describe('faults on purpose', () => {
  test.each([
    ['request', 0],
    ['answer', 1],
  ] as const)('a lost %s: the service ran %i times', async (lost, calls) => {
    const calculator = new Calculator();
    const faults: Faults = { loses: (service) => (service === 'calculator' ? lost : undefined) };
    const call = unreliable('calculator', METHODS, calculator, faults).add({ a: 1, b: 2 });
    await expect(call).rejects.toThrow(Unanswered);
    expect(calculator.calls).toBe(calls);
  });

  test('without a fault nothing changes', async () => {
    const service = unreliable('calculator', METHODS, new Calculator(), { loses: () => undefined });
    await expect(service.add({ a: 1, b: 2 })).resolves.toEqual({ sum: 3 });
  });
});
