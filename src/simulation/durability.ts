import type { Slot } from '../core/ballot';
import type { ProtocolName } from '../protocols/registry';
import { ACCEPTOR_DISKS, type AcceptorDisk } from './acceptor-disks';
import type { Disk } from './disk';
import type { Observer } from './observer';
import type { ClientWrite } from './client-writes';
import type { Place } from './virtual-time';

/** A server's machine, as far as its disk goes. */
export interface DiskOwner {
  readonly id: number;
  readonly isWiped: boolean;
  readonly host: { readonly disk: Disk };
}

/**
 * Looks at the disks whenever somebody says something that a restart must not take back: an acceptor its promise or
 * vote, a server to its client that a write is done [Paxos Made Simple, 2.5].
 */
export class DurabilityObserver {
  readonly #observer: Observer;
  readonly #owners: () => readonly DiskOwner[];
  readonly #format: AcceptorDisk;

  constructor(observer: Observer, protocol: ProtocolName, owners: () => readonly DiskOwner[]) {
    this.#observer = observer;
    this.#owners = owners;
    this.#format = ACCEPTOR_DISKS[protocol];
  }

  /** The server at `from` sends this answer to a peer. */
  answered(from: Place, method: string, params: unknown, answer: string): void {
    const isPromise = method === 'acceptor.prepare' && answer.startsWith('{"kind":"promised"');
    const isVote = method === 'acceptor.accept' && answer.startsWith('{"kind":"accepted"');
    const owner = this.#owners()[from];
    if (owner === undefined || !(isPromise || isVote)) return;
    const { disk } = owner.host;
    const isDurable = isPromise
      ? this.#format.holdsPromise(disk, params as never)
      : this.#format.holdsVotes(disk, params as never, JSON.parse(answer) as object);
    if (!isDurable)
      this.#observer.fail(
        'said before durable',
        `server ${from} answers ${method} of ${JSON.stringify(params)}, and its disk does not know it`,
      );
  }

  /** A client is told that its write is done, in this slot. */
  acknowledged(slot: Slot, write: ClientWrite): void {
    const owners = this.#owners();
    const keepers = owners.filter((owner) => owner.isWiped || this.#keeps(owner.host.disk, slot, write));
    if (!this.#observer.quorums.isPhase2Quorum(new Set(keepers.map(({ id }) => id))))
      this.#observer.fail(
        'acknowledged before durable',
        `write ${write.sequence ?? 'without a number'} of ${write.client ?? 'nobody'} in slot ${slot} is on ${keepers.length} of ${owners.length} disks`,
      );
  }

  #keeps(disk: Disk, slot: Slot, { key, client, sequence }: ClientWrite): boolean {
    const value = this.#format.held(disk, slot);
    if (value === 'applied') return true;
    const command = value?.command as
      { key: string; session: Record<string, unknown> | null } | null | undefined;
    return (
      command?.key === key &&
      command.session?.['client'] === client &&
      command.session?.['sequence'] === sequence
    );
  }
}
