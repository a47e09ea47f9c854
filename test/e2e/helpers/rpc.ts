/** A JSON-RPC error as a server sent it. */
export class RpcError extends Error {
  override readonly name = 'RpcError';
  readonly code: number;
  readonly data: unknown;

  constructor(code: number, message: string, data: unknown) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

interface Answer {
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown };
}

/** POSTs any body; resolves with the HTTP status and the text. For tests of malformed requests. */
export async function post(
  url: string,
  body: string,
  headers: Readonly<Record<string, string>> = {},
  timeoutMs = 10_000,
): Promise<{ readonly status: number; readonly text: string }> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
    signal: AbortSignal.timeout(timeoutMs),
  });
  return { status: response.status, text: await response.text() };
}

/** One JSON-RPC call with plain fetch: independent of the client library. Rejects with RpcError, or with what fetch says. */
export async function callRpc(
  url: string,
  method: string,
  params: unknown,
  timeoutMs = 10_000,
): Promise<unknown> {
  const { status, text } = await post(
    url,
    JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    {},
    timeoutMs,
  );
  let answer: Answer;
  try {
    answer = JSON.parse(text) as Answer;
  } catch {
    throw new Error(`HTTP ${status}, not JSON: ${text.slice(0, 200)}`);
  }
  if (answer.error !== undefined) {
    throw new RpcError(answer.error.code, answer.error.message, answer.error.data);
  }
  return answer.result;
}
