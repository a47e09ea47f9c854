import type { Change } from '../../../src/core/environment';
import type { StateMachine, StateRecord } from '../../../src/core/state-machine';
import { Learner, type LearnerOptions } from '../../../src/protocols/log/learner';
import { DEFAULT_OPTIONS } from '../../../src/protocols/paxos/options';
import { Host } from '../../../src/simulation/host';
import { virtualWorld, type World } from '../../../src/simulation/world';
import { valueOf } from '../paxos/bench';

/** A register for each letter: the command `a1` sets a to 1, and its result is what was there. */
export class Registers implements StateMachine<string, string> {
  readonly values = new Map<string, string>();
  #changed = new Map<string, string>();

  apply(command: string): string {
    const [name, value] = [command.slice(0, 1), command.slice(1)];
    const before = this.values.get(name) ?? '';
    this.values.set(name, value);
    this.#changed.set(name, value);
    return before;
  }

  takeChanges(): Change[] {
    const changes = [...this.#changed].map(([key, value]) => ({ key, value }));
    this.#changed = new Map();
    return changes;
  }

  snapshot(): readonly StateRecord[] {
    return [...this.values];
  }

  restore(records: Iterable<StateRecord>): void {
    this.values.clear();
    for (const [key, value] of records) this.values.set(key, value as string);
    this.#changed = new Map();
  }
}

export interface Rig {
  readonly world: World;
  readonly host: Host;
  learner: Learner<string, string>;
  machine: Registers;
  readonly restart: () => Promise<void>;
}

const LOG = { slots: 5, characters: 1000 };
export const OPTIONS = { ...DEFAULT_OPTIONS, log: LOG, offeredLog: LOG, pieceSlots: 2 };

export async function rig(options: LearnerOptions = OPTIONS): Promise<Rig> {
  const world = virtualWorld([0, 1, 2], 1);
  const host = new Host(world, 0);
  const boot = async (): Promise<Pick<Rig, 'learner' | 'machine'>> => {
    // What is chosen is not decided in these tests, so nobody watches it.
    const environment = { ...host.boot(), trace: () => undefined };
    const machine = new Registers();
    const learner = new Learner(environment, machine, options);
    let offers = 0;
    learner.onOffer(() => `0.1.${++offers}`);
    for (const [key, value] of environment.storage.read()) learner.recover(key, value);
    await world.time.settled(learner.recovered(), 100);
    return { learner, machine };
  };
  const parts: Rig = {
    world,
    host,
    ...(await boot()),
    restart: async () => {
      host.crash();
      Object.assign(parts, await boot());
    },
  };
  return parts;
}

export function entries(...commands: string[]): { slot: number; value: ReturnType<typeof valueOf> }[] {
  return commands.map((command, i) => ({ slot: i + 1, value: valueOf(command) }));
}
