'use strict';
/*
 * A client that behaves, in a process of its own so that an attacker's work does not slow its clock:
 * node good-client.js <port>. It puts a key and reads it back until its input ends, then prints what it saw as JSON.
 */
const { Buffer } = require('node:buffer');
const { Agent, request } = require('node:http');
const { performance } = require('node:perf_hooks');
const { setTimeout } = require('node:timers');

const port = Number(process.argv[2]);
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const latencies = [];
const failures = {};
let operations = 0;
let isOver = false;
process.stdin.on('end', () => (isOver = true)).resume();

function call(method, params) {
  return new Promise((resolve, reject) => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
    const outgoing = request(
      {
        ...{ host: '127.0.0.1', port, path: '/rpc', method: 'POST', agent, timeout: 30_000 },
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
      },
      (incoming) => {
        let text = '';
        incoming.setEncoding('utf8').on('data', (data) => (text += data));
        incoming.on('error', reject);
        incoming.on('end', () => {
          try {
            const answer = JSON.parse(text);
            if (answer.error) reject(Object.assign(new Error(), { code: answer.error.data.name }));
            else resolve(answer.result);
          } catch (error) {
            reject(error);
          }
        });
      },
    );
    outgoing.on('timeout', () => outgoing.destroy(Object.assign(new Error(), { code: 'timeout' })));
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

async function timed(method, params) {
  const startedAt = performance.now();
  try {
    return await call(method, params);
  } catch (error) {
    const name = error.code ?? error.message;
    failures[name] = (failures[name] ?? 0) + 1;
    return undefined;
  } finally {
    latencies.push(performance.now() - startedAt);
  }
}

async function main() {
  for (let n = 1; !isOver; n++) {
    const value = `value ${n}`;
    const put = await timed('kv.put', { key: 'good', value });
    const found = await timed('kv.get', { key: 'good', read: 'linearizable' });
    if (put && found && found.value !== value) failures['wrong value'] = (failures['wrong value'] ?? 0) + 1;
    if (put && found) operations += 2;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  latencies.sort((a, b) => a - b);
  const quantile = (q) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * q))];
  process.stdout.write(
    `${JSON.stringify({ operations, failures, p99Ms: quantile(0.99), maxMs: latencies.at(-1) })}\n`,
  );
  agent.destroy();
}

void main();
