import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { API_ERRORS, apiErrorOf, type ApiErrorKind } from '../../src/api/errors';
import { API_METHODS } from '../../src/api/methods';
import { InProcessCluster } from './helpers/cluster';

let cluster: InProcessCluster;
beforeAll(async () => {
  cluster = await InProcessCluster.start({ servers: 1, ephemeral: true });
});
afterAll(() => cluster.close());

/** The parts of the OpenRPC 1.3 specification that a client generator relies on. */
const schema = z.looseObject({ $schema: z.string().optional() });
const openRpc = z.strictObject({
  openrpc: z.string().regex(/^1\.3\.\d+$/),
  info: z.strictObject({ title: z.string().min(1), version: z.string().min(1), description: z.string() }),
  methods: z.array(
    z.strictObject({
      name: z.string().min(1),
      summary: z.string().min(1),
      paramStructure: z.literal('by-name'),
      params: z.array(
        z.strictObject({
          name: z.string().min(1),
          required: z.boolean(),
          schema,
          description: z.string().optional(),
        }),
      ),
      result: z.strictObject({ name: z.string().min(1), schema }),
      errors: z.array(
        z.strictObject({
          code: z.int(),
          message: z.string(),
          data: z.strictObject({ meaning: z.string(), definite: z.boolean(), retry: z.boolean() }),
        }),
      ),
    }),
  ),
});

describe('rpc.discover', () => {
  let document: z.output<typeof openRpc>;
  beforeAll(async () => {
    document = openRpc.parse(await cluster.result(0, 'rpc.discover'));
  });
  const paramsOf = (name: string): z.output<typeof openRpc>['methods'][number]['params'] =>
    document.methods.find((method) => method.name === name)?.params ?? [];

  test('lists every method, each with all errors', () => {
    expect(document.methods.map(({ name }) => name)).toEqual(Object.keys(API_METHODS));
    for (const { errors } of document.methods)
      expect(errors.map(({ code }) => code)).toEqual(Object.values(API_ERRORS).map(({ code }) => code));
  });

  test('is made from the schemas that validate: names, requiredness and types are theirs', () => {
    for (const [name, { params }] of Object.entries(API_METHODS)) {
      const { properties = {} } = z.toJSONSchema(params, { io: 'input', unrepresentable: 'any' });
      expect(paramsOf(name).map((param) => param.name)).toEqual(Object.keys(properties));
      for (const param of paramsOf(name)) {
        const others = paramsOf(name).filter(({ required, name: other }) => required && other !== param.name);
        const without = Object.fromEntries(others.map((other) => [other.name, exampleOf(other.name)]));
        expect([name, param.name, params.safeParse(without).success]).toEqual([
          name,
          param.name,
          !param.required,
        ]);
      }
    }
  });

  test('describes the parameters of kv.compareAndSet and kv.list', () => {
    expect(paramsOf('kv.compareAndSet').map(({ name, required }) => [name, required])).toEqual([
      ['key', true],
      ['expect', true],
      ['value', true],
      ['client', false],
      ['sequence', false],
      ['epoch', false],
    ]);
    expect(paramsOf('kv.list').find(({ name }) => name === 'limit')?.schema).toMatchObject({
      type: 'integer',
      minimum: 1,
      maximum: 1000,
      default: 100,
    });
    expect(paramsOf('kv.get').find(({ name }) => name === 'read')?.schema).toMatchObject({
      enum: ['local', 'linearizable'],
      default: 'local',
    });
  });

  test('what a server answers fits the schema of the result', async () => {
    const calls: [keyof typeof API_METHODS, unknown][] = [
      ['kv.put', { key: 'a', value: '1' }],
      ['kv.compareAndSet', { key: 'a', expect: '0', value: '1' }],
      ['kv.get', { key: 'a' }],
      ['kv.get', { key: 'none' }],
      ['kv.list', {}],
      ['kv.delete', { key: 'a' }],
      ['cluster.status', {}],
      ['faults.get', {}],
      ['faults.set', { acceptorFailure: 0 }],
      ['logs.get', {}],
      ['logs.set', { level: 'error' }],
    ];
    expect(new Set(calls.map(([method]) => method))).toEqual(new Set(Object.keys(API_METHODS)));
    for (const [method, params] of calls) {
      const result: z.ZodObject = API_METHODS[method].result;
      result.strict().parse(await cluster.result(0, method, params));
    }
  });
});

function exampleOf(param: string): unknown {
  return { acceptorFailure: 0.5, level: 'info' }[param] ?? 'text';
}

describe('the error table', () => {
  const kinds: [string, ApiErrorKind][] = Object.entries(API_ERRORS);

  test('has one code for each error', () => {
    expect(new Set(kinds.map(([, { code }]) => code)).size).toBe(kinds.length);
    for (const [, kind] of kinds) expect(apiErrorOf(kind.code)).toBe(kind);
    expect(apiErrorOf(-1)).toBeUndefined();
  });

  test('of docs/api.md is that of the code', () => {
    const text = readFileSync(resolve(__dirname, '../../docs/api.md'), 'utf8');
    const rows = text
      .split('\n')
      .map((line) => /^\| `(-\d+)` +\| ([^|]+?) +\| ([^|]+?) +\| ([^|]+?) +\| ([^|]+?) +\|$/.exec(line))
      .filter((match) => match !== null)
      .map(([, code, name, definite, retry, meaning]) => ({ code, name, definite, retry, meaning }));
    expect(rows).toEqual(
      kinds.map(([, { code, name, definite, retry, meaning }]) => ({
        code: String(code),
        name,
        definite: definite ? 'yes' : 'no',
        retry: retry ? 'yes' : 'no',
        meaning,
      })),
    );
  });

  test('docs/api.md names every method', () => {
    const text = readFileSync(resolve(__dirname, '../../docs/api.md'), 'utf8');
    for (const method of [...Object.keys(API_METHODS), 'rpc.discover'])
      expect(text).toContain(`### \`${method}\``);
  });
});
