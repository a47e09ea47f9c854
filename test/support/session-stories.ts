import type { ClientWrite } from '../../src/simulation/oracle';
import { commandOf, NOTHING, type Scene, type Story } from './watchers';

const OWN = { key: 'k', client: 'c' };
export const PUT: ClientWrite = { ...OWN, method: 'kv.put', value: 'v', sequence: 1 };
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
