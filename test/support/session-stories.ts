import type { ClientWrite } from '../../src/simulation/client-writes';
import { commandOf, NOTHING, type Scene, type Story } from './watchers';

const OWN = { key: 'k', client: 'c' };
export const PUT: ClientWrite = { ...OWN, method: 'kv.put', value: 'v', sequence: 1 };
/** Without a session. */
const ONCE: ClientWrite = { key: 'k', method: 'kv.put', value: 'once' };
export const DELETE: ClientWrite = { ...OWN, method: 'kv.delete', sequence: 2 };
export const SWAP: ClientWrite = { ...OWN, method: 'kv.compareAndSet', expect: 'v', value: 'w', sequence: 3 };
export const FIRST = { replaced: false, slot: 1 };

/** PUT is chosen in slot 1 and carried out, as it should be. */
export function put(scene: Scene): void {
  scene.write(PUT, FIRST);
}

/** Clients are forgotten, rightly or not. */
export const OF_SESSIONS: readonly Story[] = [
  [
    NOTHING,
    'a copy of a client that was forgotten, and the first write of one that began late',
    (scene: Scene): void => {
      put(scene);
      scene.forget(0, 2);
      scene.forget(1, 3);
      scene.oracle.applied(0, 4, commandOf(PUT), { op: 'stale', because: 'epoch', epoch: 2 }, 'd');
      scene.write({ ...DELETE, client: 'late', epoch: 1 }, { deleted: true, slot: 5 });
      scene.oracle.applied(0, 6, { op: 'forget', epoch: 1, session: null }, { op: 'forget', epoch: 2 }, 'd');
    },
  ],
  [
    'took effect twice',
    'a write that its client sends anew with a later epoch, though it took effect before',
    (scene: Scene): void => {
      put(scene);
      scene.forget(0, 2);
      scene.forget(1, 3);
      scene.carryOut(0, { ...PUT, epoch: 1 }, { replaced: true, slot: 4 });
    },
  ],
  [
    'wrong result',
    'a copy whose client was forgotten, carried out again',
    (scene: Scene): void => {
      put(scene);
      scene.forget(0, 2);
      scene.forget(1, 3);
      scene.carryOut(0, PUT, { replaced: true, slot: 4 });
    },
  ],
  [
    'wrong result',
    'a client that is said to be forgotten one epoch too early',
    (scene: Scene): void => {
      put(scene);
      scene.forget(0, 2);
      scene.oracle.applied(0, 3, commandOf(PUT), { op: 'stale', because: 'epoch', epoch: 1 }, 'd');
    },
  ],
  [
    'wrong result',
    'an epoch that is ended twice',
    (scene: Scene): void => {
      scene.forget(0, 1);
      scene.oracle.applied(0, 2, { op: 'forget', epoch: 0, session: null }, { op: 'forget', epoch: 2 }, 'd');
    },
  ],
];

/** Writes that may take effect once at most, since their client sends each of them once. */
export const WITHOUT_SESSIONS: readonly Story[] = [
  [
    NOTHING,
    'a write without a session, and one that fails',
    (scene: Scene): void => {
      scene.write(ONCE, FIRST);
      scene.oracle.invoked({ ...ONCE, value: 'w' });
      scene.oracle.refused({ ...ONCE, value: 'w' });
    },
  ],
  [
    'took effect twice',
    'a write without a session that was sent once',
    (scene: Scene): void => {
      scene.write(ONCE, FIRST);
      scene.carryOut(0, ONCE, { replaced: true, slot: 2 });
    },
  ],
  [
    'failed but took effect',
    'a write without a session that its client was refused before',
    (scene: Scene): void => {
      scene.oracle.invoked(ONCE);
      scene.oracle.refused(ONCE);
      scene.carryOut(0, ONCE, FIRST);
    },
  ],
  [
    'failed but took effect',
    'a write without a session that its client is refused afterwards',
    (scene: Scene): void => {
      scene.write(ONCE, FIRST);
      scene.oracle.refused(ONCE);
    },
  ],
  [
    'answered too early',
    'a write without a session, in a slot that holds another',
    (scene: Scene): void => {
      put(scene);
      scene.oracle.invoked(ONCE);
      scene.oracle.acknowledge(ONCE, FIRST);
    },
  ],
  [
    'wrong result',
    'of a write without a session',
    (scene: Scene): void => {
      scene.write(ONCE, FIRST);
      scene.oracle.acknowledge(ONCE, { replaced: true, slot: 1 });
    },
  ],
];
