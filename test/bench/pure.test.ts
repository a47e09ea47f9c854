import { describe, expect, test } from '@jest/globals';
import { createHistogram } from 'node:perf_hooks';
import { grpcMessage, putRequest, putValue, rangeRequest, varint } from '../../src/bench/etcd/protobuf';
import { percentileMs, type Row } from '../../src/bench/measure';
import { sumOf, total } from '../../src/bench/prometheus';
import { median, ratiosOf } from '../../src/bench/ratio';
import { Workload } from '../../src/bench/workload';
import { Zipf } from '../../src/bench/zipf';
import { documentOf } from '../../src/cli/bench/report';
import { benchCommand, type BenchOptions } from '../../src/cli/bench/options';
import { plotOf } from '../../src/cli/bench/plot';
import { escapeText, ticks } from '../../src/cli/bench/svg';
import { headerOf, lineOf, ratioColumns, rowColumns } from '../../src/cli/bench/table';
import { SeededRandom } from '../../src/core/random';

function row(changes: Partial<Row>): Row {
  return {
    ...{ system: 'synod', round: 1, servers: 5, keys: 100, target: 'leader', clients: 16 },
    ...{ operationsPerSecond: 1000, p50Ms: 2, p90Ms: 3, p99Ms: 4, maxMs: 5 },
    ...{ peerMessagesPerOperation: 8, peerBytesPerOperation: 900, serverCpuMsPerOperation: 0.5 },
    ...{ serverMemoryBytes: 250e6, generatorCpuPercent: 20, generatorLatenessMs: null },
    ...{ errors: 0, lastError: null, throughput: [{ atMs: 0, operationsPerSecond: 1000 }] },
    ...changes,
  };
}

const NOTHING_VARIES = { system: false, servers: false, keys: false, round: false, lateness: false };

test('percentiles are in milliseconds; of nothing they are 0', () => {
  const histogram = createHistogram();
  expect(percentileMs(histogram, 99)).toBe(0);
  for (let ms = 1; ms <= 100; ms++) histogram.record(ms * 1e6);
  expect(percentileMs(histogram, 50)).toBeCloseTo(50, 0);
  expect(percentileMs(histogram, 99)).toBeCloseTo(99, 0);
});

describe('keys', () => {
  test('zipf: the frequency of a rank falls as its power', () => {
    const zipf = new Zipf(1000);
    const random = new SeededRandom(3);
    const counts = new Array<number>(1000).fill(0);
    for (let i = 0; i < 200_000; i++) counts[zipf.rank(random.float())]!++;
    const zeta = Array.from({ length: 1000 }, (_, rank) => (rank + 1) ** -0.99).reduce(
      (sum, each) => sum + each,
    );
    // The first two are exact, the others an approximation whose sums are right.
    expect(counts[0]! / 200_000).toBeCloseTo(1 / zeta, 2);
    expect(counts[1]! / 200_000).toBeCloseTo(2 ** -0.99 / zeta, 2);
    const share = (upTo: number): number => counts.slice(0, upTo).reduce((sum, each) => sum + each) / 200_000;
    const expected = (upTo: number): number =>
      Array.from({ length: upTo }, (_, rank) => (rank + 1) ** -0.99 / zeta).reduce((sum, each) => sum + each);
    expect(Math.abs(share(10) - expected(10))).toBeLessThan(0.04);
    expect(Math.abs(share(100) - expected(100))).toBeLessThan(0.04);
    expect(counts.slice(900).reduce((sum, each) => sum + each)).toBeGreaterThan(1000);
  });

  test.each([1, 2, 3])('zipf stays within %d ranks', (count) => {
    const zipf = new Zipf(count);
    const ranks = Array.from({ length: 1000 }, (_, i) => zipf.rank(i / 1000));
    expect(new Set(ranks).size).toBe(count);
    expect(Math.max(...ranks)).toBe(count - 1);
  });

  test('uniform reaches every key, hot only one; reads have their share', () => {
    const keysOf = (distribution: 'uniform' | 'hot', reads: number): { keys: Set<string>; reads: number } => {
      const workload = new Workload({ keys: 50, distribution, reads }, new SeededRandom(5));
      const operations = Array.from({ length: 5000 }, () => workload.next());
      const found = operations.filter(({ kind }) => kind === 'get').length / operations.length;
      return { keys: new Set(operations.map(({ key }) => key)), reads: found };
    };
    expect(keysOf('uniform', 0).keys.size).toBe(50);
    expect(keysOf('hot', 0).keys.size).toBe(1);
    expect(keysOf('uniform', 0).reads).toBe(0);
    expect(keysOf('uniform', 1).reads).toBe(1);
    expect(keysOf('uniform', 0.3).reads).toBeCloseTo(0.3, 1);
  });
});

test('protocol buffers: varints, a put, both ranges, the frame of gRPC', () => {
  const hex = (buffer: Buffer): string => buffer.toString('hex');
  expect([0, 127, 128, 300, 2 ** 32].map((value) => hex(varint(value)))).toEqual([
    ...['00', '7f', '8001', 'ac02', '8080808010'],
  ]);
  expect(hex(putRequest('ab', putValue('xyz')))).toBe('0a026162' + '120378797a');
  expect(hex(rangeRequest('ab', false))).toBe('0a026162');
  expect(hex(rangeRequest('ab', true))).toBe('0a026162' + '3801');
  expect(hex(grpcMessage(Buffer.from('ab')))).toBe('00' + '00000002' + '6162');
});

test('metrics: samples of one name are summed, those of longer names and other labels are not', () => {
  const page = [
    '# HELP hits_total Hits.',
    'hits_total{direction="sent",type="a"} 3',
    'hits_total{direction="received",type="a"} 5',
    'hits_total_more 100',
    'plain 7',
  ].join('\n');
  expect(sumOf(page, 'hits_total')).toBe(8);
  expect(sumOf(page, 'hits_total', ['direction="sent"'])).toBe(3);
  expect(sumOf(page, 'plain')).toBe(7);
  expect(sumOf(page, 'missing')).toBeUndefined();
  expect(total([undefined, 2, 3])).toBe(5);
  expect(total([undefined])).toBeUndefined();
});

describe('ratios', () => {
  test('are the medians of the quotients of each round, not quotients of medians', () => {
    const rows = [
      [100, 50],
      [300, 100],
      [90, 90],
    ].flatMap(([ours, theirs], index) => [
      row({ round: index + 1, operationsPerSecond: ours! }),
      row({ round: index + 1, operationsPerSecond: theirs!, system: 'etcd', p50Ms: 4 }),
    ]);
    const [ratio, ...others] = ratiosOf([...rows, row({ clients: 99 })], 'synod');
    expect(others).toEqual([]);
    expect(ratio).toMatchObject({
      against: 'etcd',
      clients: 16,
      throughput: 2,
      lowest: 1,
      highest: 3,
      p50: 0.5,
    });
    expect(ratio).toMatchObject({ ours: { operationsPerSecond: 100 }, theirs: { operationsPerSecond: 90 } });
    const columns = ratioColumns(NOTHING_VARIES);
    expect(headerOf(columns)).toMatch(/against +target +clients +ops\/s +ratio/);
    expect(lineOf(columns, ratio!)).toMatch(
      /etcd +leader +16 +100 : 90 +2\.00x +1\.00\.\.3\.00 +2\.00 : 4\.00 +0\.50x/,
    );
  });

  test('median', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([])).toBeNaN();
  });
});

test('the table leaves out what does not vary, and shows what is not known as a dash', () => {
  const narrow = rowColumns(NOTHING_VARIES);
  const wide = rowColumns({ system: true, servers: true, keys: true, round: true, lateness: true });
  expect(headerOf(narrow)).not.toMatch(/system|servers|keys|round|late/);
  expect(headerOf(wide)).toMatch(/system +servers +keys +target +clients +round/);
  const line = lineOf(narrow, row({ peerMessagesPerOperation: null, operationsPerSecond: 1234.5 }));
  expect(line.trim().split(/ +/)).toEqual(
    ['leader', '16', '1235', '2.00', '3.00', '4.00', '5.00', '-', '900', '0.50', '250', '20%', '0'], //
  );
  expect(line).toHaveLength(headerOf(narrow).length);
});

describe('plot', () => {
  test('axes end at round numbers that hold everything', () => {
    expect(ticks(0)).toEqual([0, 1]);
    expect(ticks(10)).toEqual([0, 2, 4, 6, 8, 10]);
    for (const highest of [0.003, 1, 7, 99, 1234, 5e6]) {
      expect(ticks(highest).at(-1)).toBeGreaterThanOrEqual(highest);
      expect(ticks(highest).length).toBeGreaterThan(3);
      expect(ticks(highest).length).toBeLessThan(12);
    }
  });

  test('is complete in itself, with every point of every system', () => {
    const options = benchCommand().parse([], { from: 'user' }).opts<BenchOptions>();
    const rows = ['synod', 'etcd'].flatMap((system) => [1, 16].map((clients) => row({ system, clients })));
    const document = documentOf(options, rows, []);
    const svg = plotOf(document, 'a < b', 'x.svg');
    expect(svg).toMatch(/^<svg [\s\S]*<\/svg>\n$/);
    expect(svg).toContain('a &lt; b');
    // Three charts of two systems at two client counts, and one second of each over time.
    expect(svg.match(/<circle /g)).toHaveLength(3 * 4 + 2);
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
    const html = plotOf(document, 'a < b', 'x.HTML');
    expect(html).toMatch(/^<!doctype html>/);
    expect(html.match(/<tr>/g)).toHaveLength(5);
    expect(html).not.toMatch(/(src|href)=/);
    expect(escapeText('"&"')).toBe('&quot;&amp;&quot;');
  });
});
