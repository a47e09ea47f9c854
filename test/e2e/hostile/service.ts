import { spawn } from 'node:child_process';
import { resolve } from 'node:path';

/** What a client that behaves saw of a server. */
export interface Service {
  /** Puts and gets that succeeded. */
  readonly operations: number;
  /** The others, by the name of their error. */
  readonly failures: Readonly<Record<string, number>>;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Runs a client that behaves beside `work`, in a process of its own. */
export async function withGoodClient(port: number, work: () => Promise<void>): Promise<Service> {
  const child = spawn(process.execPath, [resolve(__dirname, 'good-client.js'), String(port)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (data: string) => (text += data));
  const ended = new Promise((done) => child.once('close', done));
  try {
    await work();
  } finally {
    child.stdin.end();
    await ended;
  }
  return JSON.parse(text) as Service;
}
