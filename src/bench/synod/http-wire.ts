import { formatAddress, type Address } from '../../network/address';
import type { Frame, Wire } from '../framed-connection';
import type { ConnectionOptions, Operation, Refusal } from '../system';

const END_OF_HEAD = '\r\n\r\n';
const ERROR_MARK = Buffer.from('"error":');

interface Answer {
  readonly error?: { readonly message: string };
}

/** JSON-RPC over HTTP/1.1: one operation is a call, several are a batch. Keys and values here are plain ASCII. */
export function httpWire(server: Address, { valueBytes, read }: ConnectionOptions): Wire {
  const value = 'v'.repeat(valueBytes);
  const head = `POST /rpc HTTP/1.1\r\nhost: ${formatAddress(server)}\r\ncontent-type: application/json\r\ncontent-length: `;
  const call = ({ kind, key }: Operation, id: number): string =>
    kind === 'get'
      ? `{"jsonrpc":"2.0","id":${id},"method":"kv.get","params":{"key":"${key}","read":"${read}"}}`
      : `{"jsonrpc":"2.0","id":${id},"method":"kv.put","params":{"key":"${key}","value":"${value}"}}`;
  return {
    encode: (operations) => {
      const [only] = operations;
      const body =
        operations.length === 1 && only !== undefined ? call(only, 1) : `[${operations.map(call).join(',')}]`;
      return `${head}${body.length}${END_OF_HEAD}${body}`;
    },
    decode: decodeResponse,
  };
}

export function decodeResponse(received: Buffer): Frame | undefined {
  const endOfHead = received.indexOf(END_OF_HEAD);
  if (endOfHead === -1) return undefined;
  const head = received.toString('latin1', 0, endOfHead);
  const length = Number(/\ncontent-length: *(\d+)/i.exec(head)?.[1]);
  if (!head.startsWith('HTTP/1.1 ') || Number.isNaN(length))
    throw new Error('the server does not speak JSON-RPC over HTTP');
  const bodyAt = endOfHead + END_OF_HEAD.length;
  const bytes = bodyAt + length;
  if (received.length < bytes) return undefined;
  const body = received.subarray(bodyAt, bytes);
  // Parsing every answer would cost more than all the rest; only these can hold an error.
  const refusal = body.includes(ERROR_MARK) ? refusalOf(body.toString()) : undefined;
  return { bytes, refusal };
}

function refusalOf(body: string): Refusal | undefined {
  const parsed = JSON.parse(body) as Answer | Answer[];
  // A batch refused as a whole has one answer, which stands for all of its calls.
  if (!Array.isArray(parsed))
    return parsed.error && { failed: Number.MAX_SAFE_INTEGER, reason: parsed.error.message };
  const failures = parsed.flatMap(({ error }) => (error === undefined ? [] : [error.message]));
  const reason = failures.at(-1);
  return reason === undefined ? undefined : { failed: failures.length, reason };
}
