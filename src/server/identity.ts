import type { Storage } from '../core/environment';
import type { Json } from '../core/json';
import { DataDamaged, StartRefused, type ServerConfiguration } from './configuration';
import { formatAddress } from '../network/address';
import { holdsState } from '../protocols/log/stored-state';

const OWN = 'server/';
const IDENTITY = `${OWN}identity`;
const DISK_OF = `${OWN}disk-of/`;

interface StoredIdentity {
  readonly cluster: string;
  readonly id: number;
  readonly members: readonly string[];
  readonly protocol: string;
  /** Left out by the first versions, which knew majorities only. */
  readonly quorums?: string;
  /** Names this very data, made at its first start. A wiped or replaced disk gets another one. */
  readonly disk: string;
  /** Of the store before the first write. */
  readonly initialDigest: string;
  /** Every other server has recorded this disk: from then on this one may vote. */
  readonly admitted: boolean;
}

/**
 * Who this data belongs to, kept beside the promises it vouches for: cluster, own id, member list, and the disks of
 * the other servers. Both go through the same journals, and a missing one is noticed, so that the one is not lost without
 * the other.
 */
export class Identity {
  readonly #storage: Storage;
  readonly #disks = new Map<number, string>();
  #stored: StoredIdentity;

  private constructor(storage: Storage, stored: StoredIdentity) {
    this.#storage = storage;
    this.#stored = stored;
  }

  /**
   * Reads the identity in `storage`, or makes and stores one at the first start, on a disk that `newDisk` names for
   * ever. Rejects with StartRefused when the data belongs to another cluster, server, member list, protocol, quorums or
   * initial store. Of quorums, because what was chosen by few votes can be invisible to a phase 1 that then asks fewer.
   */
  static async open(
    storage: Storage,
    configuration: Pick<ServerConfiguration, 'cluster' | 'id' | 'servers' | 'protocol' | 'quorums'>,
    initialDigest: string,
    newDisk: () => string,
  ): Promise<Identity> {
    const given = {
      cluster: configuration.cluster,
      id: configuration.id,
      members: configuration.servers.map(formatAddress),
      protocol: configuration.protocol,
      quorums: configuration.quorums,
    };
    let stored: StoredIdentity | undefined;
    const disks: [number, string][] = [];
    for (const [key, value] of storage.read(OWN)) {
      if (key === IDENTITY) stored = value as unknown as StoredIdentity;
      else if (key.startsWith(DISK_OF)) disks.push([Number(key.slice(DISK_OF.length)), value as string]);
    }
    if (stored === undefined) {
      if (holdsMore(storage))
        throw new DataDamaged('the data folder holds votes but no identity: it is damaged');
      const identity = new Identity(storage, {
        ...given,
        disk: newDisk(),
        initialDigest,
        admitted: false,
      });
      await identity.#save();
      return identity;
    }
    for (const key of ['cluster', 'id', 'members', 'protocol', 'quorums'] as const) {
      const [was, is] = [String(stored[key] ?? 'majority'), String(given[key])];
      if (was !== is) throw new StartRefused(`the data folder belongs to ${key} ${was}, not ${is}`);
    }
    if (!holdsState(storage) && stored.initialDigest !== initialDigest)
      throw new StartRefused(
        'prepopulate.json has changed since the first start, which did not get far enough to keep it',
      );
    const identity = new Identity(storage, stored);
    for (const [id, disk] of disks) identity.#disks.set(id, disk);
    return identity;
  }

  get disk(): string {
    return this.#stored.disk;
  }

  get initialDigest(): string {
    return this.#stored.initialDigest;
  }

  get isAdmitted(): boolean {
    return this.#stored.admitted;
  }

  diskOf(server: number): string | undefined {
    return this.#disks.get(server);
  }

  /** Remembers the disk of another server, durably. Once known, it never changes. */
  async recordDisk(server: number, disk: string): Promise<void> {
    this.#disks.set(server, disk);
    await this.#storage.write([{ key: DISK_OF + String(server), value: disk }]);
  }

  async admit(): Promise<void> {
    this.#stored = { ...this.#stored, admitted: true };
    await this.#save();
  }

  async #save(): Promise<void> {
    await this.#storage.write([{ key: IDENTITY, value: this.#stored as unknown as Json }]);
  }
}

/** Whether anything but the identity is stored. */
function holdsMore(storage: Storage): boolean {
  for (const [key] of storage.read()) if (!key.startsWith(OWN)) return true;
  return false;
}
