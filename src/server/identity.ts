import type { Storage } from '../core/environment';
import type { Json } from '../core/json';
import { DataDamaged, StartRefused, type ServerConfiguration } from './configuration';
import { formatAddress } from '../network/address';
import { holdsState } from '../protocols/log/stored-state';

const OWN = 'server/';
export const IDENTITY = `${OWN}identity`;
/** Where the disk of another server is remembered, by its id. */
export const DISK_OF = `${OWN}disk-of/`;

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
  /** Left out by the first versions, like the rest. */
  readonly generation?: number;
  /** The run that stored this, and those before it. */
  readonly run?: string;
  readonly before?: readonly Run[];
}

/** One run of a server on its data, and the last generation that it stored. */
export interface Run {
  readonly run: string;
  readonly generation: number;
}

/** Runs that a server remembers of its data. */
export const MOST_RUNS = 100;

/** How old a server's data is, as the server says of itself and others remember of it. */
export interface DataAge {
  readonly disk: string;
  /** Grows with each start and with time, and is durable before it is told: a copy from earlier has a lower one. */
  readonly generation: number;
  /** Names one run of the server, from start to end. */
  readonly run: string;
}

/** How a new disk, and this run of the server, are to be named. */
export interface Names {
  readonly newDisk: () => string;
  readonly run: string;
}

/**
 * Who this data belongs to, kept beside the promises it vouches for: cluster, own id, member list, and the disks of
 * the other servers. Both go through the same journals, and a missing one is noticed, so that the one is not lost without
 * the other.
 */
export class Identity {
  readonly #storage: Storage;
  readonly #run: string;
  readonly #before: readonly Run[];
  readonly #known = new Map<number, DataAge>();
  #stored: StoredIdentity;

  private constructor(storage: Storage, run: string, stored: StoredIdentity) {
    this.#storage = storage;
    this.#run = run;
    this.#before = runsOf(stored);
    this.#stored = stored;
  }

  /**
   * Reads the identity in `storage`, or makes and stores one at the first start, on a disk that `newDisk` names for
   * ever. Each start is a new generation of the data. Rejects with StartRefused when the data belongs to another cluster, server, member list, protocol, quorums or
   * initial store. Of quorums, because what was chosen by few votes can be invisible to a phase 1 that then asks fewer.
   */
  static async open(
    storage: Storage,
    configuration: Pick<ServerConfiguration, 'cluster' | 'id' | 'servers' | 'protocol' | 'quorums'>,
    initialDigest: string,
    { newDisk, run }: Names,
  ): Promise<Identity> {
    const given = {
      cluster: configuration.cluster,
      id: configuration.id,
      members: configuration.servers.map(formatAddress),
      protocol: configuration.protocol,
      quorums: configuration.quorums,
    };
    let stored: StoredIdentity | undefined;
    const known: [number, DataAge][] = [];
    for (const [key, value] of storage.read(OWN)) {
      if (key === IDENTITY) stored = value as unknown as StoredIdentity;
      else if (key.startsWith(DISK_OF)) known.push([Number(key.slice(DISK_OF.length)), dataAge(value)]);
    }
    if (stored === undefined) {
      if (holdsMore(storage))
        throw new DataDamaged('the data folder holds votes but no identity: it is damaged');
      const identity = new Identity(storage, run, {
        ...given,
        disk: newDisk(),
        initialDigest,
        admitted: false,
      });
      await identity.renew();
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
    const identity = new Identity(storage, run, stored);
    for (const [id, age] of known) identity.#known.set(id, age);
    await identity.renew();
    return identity;
  }

  /** Durable. */
  get age(): DataAge {
    const { disk, generation = 0 } = this.#stored;
    return { disk, generation, run: this.#run };
  }

  /** The earlier runs on this data, the last ones of them. */
  get before(): readonly Run[] {
    return this.#before;
  }

  get initialDigest(): string {
    return this.#stored.initialDigest;
  }

  get isAdmitted(): boolean {
    return this.#stored.admitted;
  }

  /** What is remembered of another server's data. */
  ageOf(server: number): DataAge | undefined {
    return this.#known.get(server);
  }

  /** Remembers the data of another server, durably. Once its disk is known, that never changes. */
  async recordAge(server: number, age: DataAge): Promise<void> {
    const known = this.#known.get(server);
    if (known?.run === age.run && known.generation >= age.generation) {
      // The same was heard before, and may still be on the way to the disk.
      await this.#storage.write([]);
      return;
    }
    this.#known.set(server, age);
    await this.#storage.write([{ key: DISK_OF + String(server), value: { ...age } }]);
  }

  /** Makes this a new generation of the data: copies made before are older, for all who hear of it. */
  async renew(): Promise<void> {
    const { generation, run } = this.age;
    const stored = { ...this.#stored, generation: generation + 1, run, before: this.#before };
    await this.#save(stored);
    this.#stored = stored;
  }

  async admit(): Promise<void> {
    const stored = { ...this.#stored, admitted: true };
    await this.#save(stored);
    this.#stored = stored;
  }

  async #save(stored: StoredIdentity): Promise<void> {
    await this.#storage.write([{ key: IDENTITY, value: stored as unknown as Json }]);
  }
}

/** With the run that stored this as the last one. */
function runsOf({ run, generation = 0, before = [] }: StoredIdentity): readonly Run[] {
  return run === undefined ? before : [...before, { run, generation }].slice(-MOST_RUNS);
}

/** The first versions stored the name of the disk alone. */
function dataAge(stored: Json): DataAge {
  return typeof stored === 'string'
    ? { disk: stored, generation: 0, run: '' }
    : (stored as unknown as DataAge);
}

/** Whether anything but the identity is stored. */
function holdsMore(storage: Storage): boolean {
  for (const [key] of storage.read()) if (!key.startsWith(OWN)) return true;
  return false;
}
