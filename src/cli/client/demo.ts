import { CLIENT_ERRORS, ClientError, NoServer } from '../../client/errors';
import type { CallOptions, SynodClient } from '../../client/client';
import type { Request, Response } from '../../history/history';
import { Recorder } from '../../history/recorder';
import { RecordingClient } from '../../history/recording-client';
import { milliseconds } from './output';
import { quoted } from './words';

const VALUES = [
  ['apple', 'a fruit of autumn'],
  ['basil', 'a herb for summer'],
  ['carrot', 'a root of winter'],
  ['dill', 'a herb for cucumbers'],
  ['endive', 'a leaf of spring'],
] as const;

export interface DemoStep {
  readonly operation: 'put' | 'get' | 'delete';
  readonly key: string;
  /** The value put, or got. */
  readonly value: string | undefined;
  /** Whether the result is what it must be. */
  readonly asExpected: boolean;
  /** The result, in words. */
  readonly outcome: string;
  readonly result: object | undefined;
  readonly error: ClientError | undefined;
  readonly durationMs: number;
}

type Outcome = Pick<DemoStep, 'value' | 'asExpected' | 'outcome' | 'result'>;
type Act = () => Promise<Outcome & { readonly response: Response }>;
type DemoRequest = Extract<Request, { op: DemoStep['operation'] }>;

const UNRECORDED = new Recorder(
  () => 0,
  () => undefined,
);

/**
 * Five PUTs, five GETs and five DELETEs of keys of its own; `onStep` sees each with its result. Resolves with whether all
 * went as they must, and `recorder` records them. Rejects with a ClientError when no server is reachable, or the
 * caller cancels.
 */
export async function runDemo(
  client: SynodClient,
  onStep: (step: DemoStep) => void,
  call: CallOptions = {},
  recorder: Recorder = UNRECORDED,
): Promise<boolean> {
  const recording = new RecordingClient(client.id, client, recorder);
  const entries = VALUES.map(([name, value]) => [`demo-${client.id.slice(0, 4)}/${name}`, value] as const);
  let allAsExpected = true;
  const step = async (request: DemoRequest, act: Act): Promise<void> => {
    const { op: operation, key } = request;
    const startedAt = performance.now();
    const finish = (outcome: Outcome, error?: ClientError): void => {
      allAsExpected &&= outcome.asExpected;
      const { value, asExpected, outcome: words, result } = outcome;
      const durationMs = performance.now() - startedAt;
      onStep({ operation, key, value, asExpected, outcome: words, result, error, durationMs });
    };
    try {
      finish(await recording.record(request, act, ({ response }) => response, call));
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      if (error instanceof NoServer || error.code === CLIENT_ERRORS.cancelled.code || call.signal?.aborted)
        throw error;
      finish({ value: undefined, asExpected: false, outcome: error.message, result: undefined }, error);
    }
  };

  for (const [key, value] of entries)
    await step({ op: 'put', key, value }, async () => {
      const result = await client.put(key, value, call);
      const outcome = `${result.replaced ? 'replaced' : 'created'}, slot ${result.slot}`;
      return { value, asExpected: !result.replaced, outcome, result, response: result };
    });
  for (const [key, value] of entries)
    await step({ op: 'get', key, read: 'linearizable' }, async () => {
      // A local read could ask a server that has not applied the PUT yet, after a fail-over.
      const result = await client.get(key, { ...call, read: 'linearizable' });
      const outcome = result.found ? 'found' : 'not found';
      const response = { value: result.value ?? null, applied: result.applied };
      return { value: result.value, asExpected: result.value === value, outcome, result, response };
    });
  for (const [key] of entries)
    await step({ op: 'delete', key }, async () => {
      const result = await client.delete(key, call);
      const outcome = result.deleted ? `deleted, slot ${result.slot}` : 'was not there';
      return { value: undefined, asExpected: result.deleted, outcome, result, response: result };
    });
  return allAsExpected;
}

/** One line for people. */
export function formatStep({ operation, key, value, asExpected, outcome, durationMs }: DemoStep): string {
  const entry = value === undefined ? key : `${key} = ${quoted(value)}`;
  const time = `(${milliseconds(durationMs)})`;
  return `${asExpected ? 'ok ' : 'BAD'} ${operation.toUpperCase().padEnd(6)} ${entry}: ${outcome} ${time}`;
}

/** Runs the demo and prints a line for each step and one for the whole. Resolves with whether all was as expected. */
export async function demo(client: SynodClient, print: (line: string) => void): Promise<boolean> {
  const allAsExpected = await runDemo(client, (step) => {
    print(formatStep(step));
  });
  print(summary(allAsExpected));
  return allAsExpected;
}

export function summary(allAsExpected: boolean): string {
  return allAsExpected
    ? '5 PUTs, 5 GETs and 5 DELETEs: all as expected'
    : 'Not all operations went as expected: see the lines marked BAD';
}
