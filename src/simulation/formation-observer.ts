import type { ServerId } from '../core/ballot';
import { DISK_OF, IDENTITY } from '../server/identity';
import type { DiskOwner } from './durability';
import type { Observer } from './observer';
import type { Place } from './virtual-time';

/**
 * Holds the servers to the rule by which they meet: a welcome is durable before it is said, and whoever votes is known by
 * its disk to every other server. So no server may lose its votes with its disk and vote again (see Formation).
 */
export class FormationObserver {
  readonly #observer: Observer;
  readonly #owners: () => readonly DiskOwner[];
  /** Servers whose disk is known to all others: it stays so. */
  readonly #known = new Set<ServerId>();
  welcomes = 0;

  constructor(observer: Observer, owners: () => readonly DiskOwner[]) {
    this.#observer = observer;
    this.#owners = owners;
  }

  /** The server at `from` sends this answer to a peer. */
  answered(from: Place, method: string, params: unknown, answer: string): void {
    const owners = this.#owners();
    const owner = owners[from];
    if (owner === undefined) return;
    if (method === 'cluster.hello' && answer.startsWith('{"kind":"welcome"')) {
      const { id, disk } = params as { id: ServerId; disk: string };
      this.welcomes++;
      if (diskKnownTo(owner, id) !== disk)
        this.#observer.fail(
          'welcomed before durable',
          `server ${from} welcomes ${disk}, and its own disk does not know it`,
        );
    }
    const isVote = method === 'acceptor.accept' && answer.startsWith('{"kind":"accepted"');
    const isPromise = method === 'acceptor.prepare' && answer.startsWith('{"kind":"promised"');
    if (isVote || isPromise) this.#mayVote(owner, owners);
  }

  #mayVote(voter: DiskOwner, owners: readonly DiskOwner[]): void {
    const { id } = voter;
    if (voter.isWiped) {
      this.#observer.fail('wiped disk votes', `server ${id} has lost its votes and votes again`);
      return;
    }
    if (this.#known.has(id)) return;
    const identity = voter.host.disk.durableText(IDENTITY) ?? 'null';
    const { disk } = (JSON.parse(identity) ?? {}) as { disk?: string };
    const stranger = owners.find(
      (other) => other !== voter && !other.isWiped && diskKnownTo(other, id) !== disk,
    );
    if (stranger === undefined) this.#known.add(id);
    else
      this.#observer.fail(
        'votes before it is known',
        `server ${id} votes, and the disk of server ${stranger.id} does not know its disk`,
      );
  }
}

/** The disk of this server as the owner would know it after a restart. */
function diskKnownTo({ host }: DiskOwner, server: ServerId): string | undefined {
  const text = host.disk.durableText(DISK_OF + String(server));
  return text === undefined ? undefined : (JSON.parse(text) as { disk: string }).disk;
}
