import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { InProcessCluster } from './helpers/cluster';
import { http } from './helpers/http';

let cluster: InProcessCluster;
beforeAll(async () => {
  cluster = await InProcessCluster.start({ ephemeral: true });
  for (let i = 0; i < 20; i++)
    await cluster.result(0, 'kv.put', { key: `secret key ${i}`, value: 'secret value' });
  await cluster.call(0, 'kv.put', { key: '', value: '' });
  await cluster.call(0, 'secret.method', {});
  await cluster.result(0, 'faults.set', { acceptorFailure: 0.25 });
  await cluster.equal();
});
afterAll(() => cluster.close());

interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Reads the Prometheus text format; throws for a line that is none. */
function parse(text: string): { readonly types: Map<string, string>; readonly samples: Sample[] } {
  const types = new Map<string, string>();
  const samples: Sample[] = [];
  for (const line of text.split('\n').filter((one) => one !== '')) {
    const type = /^# TYPE (\S+) (counter|gauge|histogram|summary)$/.exec(line);
    if (type !== null) types.set(type[1]!, type[2]!);
    if (line.startsWith('#')) continue;
    const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (match === null) throw new Error(`no sample: ${line}`);
    const labels = [...(match[2] ?? '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, k, v]) => [k!, v!]);
    samples.push({
      name: match[1]!,
      labels: Object.fromEntries(labels) as Record<string, string>,
      value: match[3] === 'NaN' ? NaN : Number(match[3]),
    });
  }
  return { types, samples };
}

const scrape = async (): Promise<ReturnType<typeof parse> & { text: string }> => {
  const { status, headers, text } = await http(cluster.port(0), { method: 'GET', path: '/metrics' });
  expect(status).toBe(200);
  expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
  return { ...parse(text), text };
};

describe('/metrics', () => {
  test('is Prometheus text: every sample has a type and a number', async () => {
    const { types, samples } = await scrape();
    expect(samples.length).toBeGreaterThan(50);
    for (const { name } of samples)
      expect(
        [...types.keys()].some((type) =>
          [type, `${type}_bucket`, `${type}_sum`, `${type}_count`].includes(name),
        ),
      ).toBe(true);
    for (const { name, value } of samples.filter((sample) => sample.name.startsWith('synod_')))
      expect([name, Number.isFinite(value)]).toEqual([name, true]);
  });

  test('tells what the server did', async () => {
    const { samples } = await scrape();
    const valueOf = (name: string, labels: Record<string, string> = {}): number | undefined =>
      samples.find(
        (sample) => sample.name === name && Object.entries(labels).every(([k, v]) => sample.labels[k] === v),
      )?.value;
    const { applied } = await cluster.status(0);
    expect(valueOf('synod_applied_slot')).toBe(applied);
    expect(valueOf('synod_store_entries')).toBe(20);
    expect(valueOf('synod_ready')).toBe(1);
    expect(valueOf('synod_acceptor_failure_ratio')).toBe(0.25);
    expect(valueOf('synod_build_info', { protocol: 'paxos' })).toBe(1);
    expect(valueOf('synod_request_duration_seconds_count', { method: 'kv.put', outcome: 'ok' })).toBe(20);
    expect(
      valueOf('synod_request_duration_seconds_count', { method: 'kv.put', outcome: 'invalid params' }),
    ).toBe(1);
    expect(
      valueOf('synod_messages_total', { type: 'acceptor.accept', kind: 'request', direction: 'sent' }),
    ).toBeGreaterThanOrEqual(20);
    expect(
      valueOf('synod_message_bytes_total', { type: 'acceptor.accept', direction: 'sent' }),
    ).toBeGreaterThan(0);
    expect(valueOf('synod_peer_round_trip_seconds_count', { peer: '1' })).toBeGreaterThan(0);
  });

  test('has no label from outside: neither keys, nor values, nor unknown methods', async () => {
    const { text, samples } = await scrape();
    expect(text).not.toContain('secret');
    const own = samples.filter(({ name }) => name.startsWith('synod_'));
    const labels = new Set(own.flatMap((sample) => Object.keys(sample.labels)));
    expect([...labels].sort()).toEqual(
      ['direction', 'kind', 'le', 'method', 'outcome', 'peer', 'protocol', 'type', 'version'].sort(),
    );
  });

  test('each of our metrics is in docs/api.md', async () => {
    const { types } = await scrape();
    const text = readFileSync(resolve(__dirname, '../../docs/api.md'), 'utf8');
    for (const name of types.keys()) if (name.startsWith('synod_')) expect(text).toContain(`\`${name}\``);
  });
});
