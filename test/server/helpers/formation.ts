import { expect } from '@jest/globals';
import { agreementOf } from '../../../src/server/agreement';
import { StartRefused } from '../../../src/server/configuration';
import type { InProcessCluster } from './cluster';
import { nextMessage, peerSocket } from './peer-socket';
import { within } from './wait';

/** The reason why the cluster does not let this server in. */
export async function refusalOf(of: InProcessCluster, id: number): Promise<string> {
  const failure = await within(8000, `server ${id} is refused`, of.server(id).failed);
  expect(failure).toBeInstanceOf(StartRefused);
  return failure.message;
}

/** Whether a peer has answered a hello of this server: one that welcomes it has recorded its disk by then. */
export async function isGreeted(of: InProcessCluster, id: number): Promise<boolean> {
  return (await hellos(of, id, 'type="cluster.hello",kind="answer",direction="received"')) > 0;
}

export async function hellos(of: InProcessCluster, id: number, labels: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${of.port(id)}/metrics`)).text();
  return Number(new RegExp(`^synod_messages_total\\{${labels}\\} (\\d+)`, 'm').exec(text)?.[1] ?? 0);
}

/** Whether the server answers peers' prepares: only one that votes does. */
export async function votes(of: InProcessCluster, id: number): Promise<boolean> {
  const caller = (id + 1) % of.ids.length;
  const { cluster, token } = of.configuration(id);
  const credentials = { self: caller, cluster, token, agreement: agreementOf(of.configuration(id)) };
  const socket = await peerSocket(of.port(id), credentials, { callee: id });
  const answer = nextMessage(socket);
  const params = { slot: 1, ballot: { round: 1, server: caller } };
  socket.send(JSON.stringify([{ jsonrpc: '2.0', id: 1, method: 'acceptor.prepare', params }]));
  const answers = (await within(5000, 'an answer', answer)) as unknown[];
  socket.terminate();
  return answers.length > 0;
}
