import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { HistoryWriter } from '../../src/cli/client/history-writer';
import { parseHistory } from '../../src/history/json-lines';

const FULL = '/dev/full';

test('what was written before the end can be read, and nothing comes behind it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'synod-writer-'));
  const path = join(folder, 'history.jsonl');
  const writer = new HistoryWriter(path, 'absent');
  writer.event({ type: 'invoke', id: 1, client: 'ä'.repeat(100_000), op: 'delete', key: 'x' });
  writer.close();
  writer.event({ type: 'unknown', id: 1 });
  writer.close();
  expect(writer.failure).toBeUndefined();
  expect(parseHistory(readFileSync(path, 'utf8')).operations).toHaveLength(1);
  rmSync(folder, { recursive: true });
});

(existsSync(FULL) ? test : test.skip)('a full disk is told, and ends what is recorded', () => {
  const writer = new HistoryWriter(FULL, 'absent');
  expect(writer.failure).toMatch(/ENOSPC/);
  expect(writer.signal.aborted).toBe(true);
  writer.event({ type: 'unknown', id: 1 });
  writer.close();
});
