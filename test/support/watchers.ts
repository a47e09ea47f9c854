import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { Ballot } from '../../src/core/ballot';
import type { ProtocolEvent } from '../../src/core/events';
import type { Result, Write } from '../../src/kv/commands';
import type { ProtocolName } from '../../src/protocols/registry';
import type { Disk } from '../../src/simulation/disk';
import { DurabilityObserver } from '../../src/simulation/durability';
import { loadMutant, type Edit } from '../../src/simulation/museum/mutant';
import { Observer, type Violation } from '../../src/simulation/observer';
import type { ClientWrite } from '../../src/simulation/client-writes';
import { Oracle } from '../../src/simulation/oracle';
import { StatusObserver } from '../../src/simulation/status-observer';

const SOURCE = path.resolve(__dirname, '../../src');

const TEXT_CHARACTERS = 150;

/** A call by which a watcher speaks up, or hands on what it has seen. */
export interface Site {
  /** File, line and call, for people. */
  readonly name: string;
  /** The source from the call on, in one line. */
  readonly text: string;
  /** Puts nothing in the place of the call: the mistake that a test must notice. */
  readonly off: Edit;
}

/** Every call of a method with one of these names in the file (below src/), whatever object it is called on. */
export function sitesIn(file: string, methods: readonly string[]): Site[] {
  const text = readFileSync(path.join(SOURCE, file), 'utf8');
  const calls = new RegExp(String.raw`\b[\w.#]+\.(?:${methods.join('|')})\(`, 'g');
  return [...text.matchAll(calls)].map(({ 0: call, index }) => {
    let end = index + call.length;
    while (text.split(text.slice(index, end)).length > 2) end++;
    const find = text.slice(index, end);
    const place = `${file}:${text.slice(0, index).split('\n').length}`;
    return {
      name: `${place} ${call}`,
      text: text
        .slice(index, index + TEXT_CHARACTERS)
        .replace(/\(\s+/g, '(')
        .replace(/\s+/g, ' '),
      off: { file, find, replace: `Array.of(${find.slice(call.length)}` },
    };
  });
}

interface Classes {
  readonly Observer: typeof Observer;
  readonly Oracle: typeof Oracle;
  readonly DurabilityObserver: typeof DurabilityObserver;
  readonly StatusObserver: typeof StatusObserver;
}

const SHIPPED: Classes = { Observer, Oracle, DurabilityObserver, StatusObserver };
const FILES = [
  'simulation/observer.ts',
  'simulation/oracle.ts',
  'simulation/durability.ts',
  'simulation/status-observer.ts',
];

function classesWith(edits: readonly Edit[]): Classes {
  return Object.assign({}, ...loadMutant(FILES, edits)) as Classes;
}

/** What a scene notices when all is as it should be. */
export const NOTHING = 'nothing';
export const LOW: Ballot = { round: 1, server: 0 };
export const HIGH: Ballot = { round: 2, server: 1 };

/** The watchers of three servers, and what is told to them. */
export class Scene {
  readonly observer: Observer;
  readonly durability: DurabilityObserver;
  readonly oracle: Oracle;
  readonly status: StatusObserver;
  readonly #disks = [0, 1, 2].map(() => new Map<string, string>());
  readonly #wiped = new Set<number>();

  constructor(classes: Classes, protocol: ProtocolName) {
    const owners = this.#disks.map((texts, id) => ({
      id,
      isWiped: () => this.#wiped.has(id),
      host: {
        disk: {
          durableText: (key: string) => texts.get(key),
          durableKeys: (prefix: string) => [...texts.keys()].filter((key) => key.startsWith(prefix)),
        } as unknown as Disk,
      },
    }));
    this.observer = new classes.Observer(3);
    this.durability = new classes.DurabilityObserver(this.observer, protocol, () =>
      owners.map((owner) => ({ ...owner, isWiped: owner.isWiped() })),
    );
    this.oracle = new classes.Oracle(this.observer, this.durability);
    this.status = new classes.StatusObserver(this.observer);
  }

  store(server: number, key: string, value: unknown): void {
    this.#disks[server]?.set(key, JSON.stringify(value));
  }

  wipe(server: number): void {
    this.#wiped.add(server);
  }

  see(server: number, ...events: ProtocolEvent[]): void {
    for (const event of events) this.observer.see(server, event);
  }

  /** Two of the three vote for it. */
  choose(slot: number, value: string, ballot = LOW): void {
    for (const server of [0, 1]) this.see(server, { kind: 'accepted', slot, ballot, value });
  }

  apply(server: number, slot: number, value: string): void {
    this.see(server, { kind: 'applied', slot, value });
  }

  /** The server carries the write out with this result, which leaves a state with this digest. */
  carryOut(server: number, write: ClientWrite, result: ResultOfWrite, digest = 'd'): void {
    const command = commandOf(write);
    this.oracle.applied(server, result.slot, command, { op: command.op, ...result } as Result, digest);
  }

  /** A client asks for the write, and server 0 carries it out. */
  write(write: ClientWrite, result: ResultOfWrite): void {
    this.oracle.invoked(write);
    this.carryOut(0, write, result);
  }

  /** Server 0 ends this session epoch. */
  forget(epoch: number, slot: number): void {
    const result = { op: 'forget', epoch: epoch + 1 } as const;
    this.oracle.applied(0, slot, { op: 'forget', epoch, session: null }, result, 'd');
  }

  /** The kind of what was noticed first. */
  get noticed(): string {
    try {
      this.observer.check();
      return NOTHING;
    } catch (error) {
      return (error as Violation).kind;
    }
  }
}

interface ResultOfWrite {
  readonly slot: number;
  readonly replaced?: boolean;
  readonly deleted?: boolean;
  readonly swapped?: boolean;
  readonly actual?: string | null;
}

export function commandOf({ method, client, sequence, epoch, ...rest }: ClientWrite): Write {
  const session = client === undefined ? null : { client, sequence, ...(epoch !== undefined && { epoch }) };
  return { op: method.slice('kv.'.length), ...rest, session } as Write;
}

/** What happens, and the kind of what is noticed. */
export type Story = readonly [kind: string, what: string, tell: (scene: Scene) => void];

function noticedIn([, , tell]: Story, classes: Classes, protocol: ProtocolName): string {
  const scene = new Scene(classes, protocol);
  tell(scene);
  return scene.noticed;
}

/** Each story is noticed for what it is; and each watcher of `sites`, switched off, leaves one that is not. */
export function tellStories(
  stories: readonly Story[],
  sites: readonly Site[],
  protocol: ProtocolName = 'paxos',
): void {
  test.each(stories)('%s: %s', (...story) => {
    expect(noticedIn(story, SHIPPED, protocol)).toBe(story[0]);
  });

  describe('a watcher that is switched off is missed', () => {
    test('and none is while all are on', () => {
      const classes = classesWith([]);
      expect(stories.filter((story) => noticedIn(story, classes, protocol) !== story[0])).toEqual([]);
    });

    test.each(sites.map((site) => [site.name, site] as const))('%s', (_, { off }) => {
      const classes = classesWith([off]);
      expect(stories.filter((story) => noticedIn(story, classes, protocol) !== story[0])).not.toEqual([]);
    });
  });
}
