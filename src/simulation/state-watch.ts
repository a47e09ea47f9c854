import type { Protocol, ProtocolSettings } from '../core/replica';
import type { StateRecord } from '../core/state-machine';
import type { Recorder } from '../history/recorder';
import { FormationObserver } from './formation-observer';
import type { Node } from './node';
import type { Oracle } from './oracle';
import { RecoveryObserver } from './recovery-observer';
import { Rehearsal } from './rehearsal';
import { ReplayedState } from './replayed-state';
import type { Scenario, StateVariation } from './scenario';
import type { World } from './world';

/** Mean pause between two looks at what some server would recover if it were restarted now. */
const REHEARSAL_MS = 500;

/** Watches what servers keep: at each restart, and now and then in between. */
export class StateWatch {
  readonly formation: FormationObserver;
  readonly #world: World;
  readonly #nodes: () => readonly Node[];
  readonly #rehearsals: Omit<Parameters<typeof Rehearsal.of>[0], 'server' | 'disk'>;
  readonly #recovery: RecoveryObserver;
  readonly #replayed: ReplayedState;
  readonly #scenario: Scenario;
  /** Operations of the history that no client asked for: they stand for what the stores held before. */
  recorded = 0;
  #installsOverDeleted = 0;

  constructor(parts: {
    readonly world: World;
    readonly scenario: Scenario;
    readonly oracle: Oracle;
    readonly protocol: Protocol;
    readonly settings: ProtocolSettings;
    readonly nodes: () => readonly Node[];
  }) {
    const { world, scenario, oracle, protocol, settings } = parts;
    this.#world = world;
    this.#nodes = parts.nodes;
    this.#scenario = scenario;
    this.formation = new FormationObserver(world.observer, parts.nodes);
    const { state } = this;
    this.#replayed = new ReplayedState(oracle.commands, state);
    this.#recovery = new RecoveryObserver(world.observer, this.#replayed);
    const { members } = world;
    this.#rehearsals = { protocol, protocolName: scenario.protocol, settings, members, state };
  }

  get state(): StateVariation {
    return this.#scenario.state ?? { initial: [] };
  }

  /** What the stores hold before the first write, as if somebody had written it. */
  record(recorder: Recorder): void {
    for (const [key, value] of this.state.initial) {
      recorder.ok(recorder.invoke('initial', { op: 'put', key, value }), { replaced: false });
      this.recorded++;
    }
  }

  /** From now on one server after the other is looked at, in no order. */
  start(): void {
    const random = this.#world.random.fork('rehearsals');
    const goOn = (): void => {
      this.#world.time.after(-Math.log(1 - random.float()) * REHEARSAL_MS, () => {
        const nodes = this.#nodes();
        const node = nodes[random.int(0, nodes.length - 1)];
        if (node?.isUp === true) void this.rehearse(node);
        goOn();
      });
    };
    goOn();
  }

  /** Looks at what a restart of the server would recover now. */
  async rehearse({ id, isWiped, host: { disk } }: Node): Promise<void> {
    if (isWiped) return;
    try {
      await this.#recovery.compare(id, await Rehearsal.of({ ...this.#rehearsals, server: id, disk }));
    } catch (error) {
      this.#world.observer.unexpected(id, error);
    }
  }

  /** The state of a running server is about to be replaced by a peer's. */
  installs({ host: { disk } }: Node, records: readonly StateRecord[]): void {
    const held = new Set(records.map(([key]) => key));
    for (const key of disk.durableKeys('learner/state')) {
      const entry = /(?<=\/)entry\/[^]*$/.exec(key)?.[0];
      if (entry === undefined || held.has(entry)) continue;
      this.#installsOverDeleted++;
      return;
    }
  }

  /** How often what was drawn came up, and how much was looked at, over the whole run. */
  counts(): Record<string, number> {
    const { state, forming, variation, clients } = { ...this.#scenario, state: this.state };
    const isUnusual = clients.some(({ requests }) =>
      requests.some((request) => 'key' in request && !/^[ -~]*$/.test(request.key)),
    );
    const rows: Record<string, number> = {
      ...Object.fromEntries(this.#recovery.compared),
      'welcomes of new servers': this.formation.welcomes,
      'installs over keys deleted since the checkpoint': this.#installsOverDeleted,
      ...this.#replayed.forgetting(),
      'runs with an initial state': Number(state.initial.length > 0),
      'runs that remember few clients': Number(state.sessions !== undefined),
      'runs with a log of length 0': Number(variation.logSlots === 0),
      'runs with a short log beside a snapshot': Number(variation.offeredSlots !== undefined),
      'runs with checkpoints rarer than the log is long': Number(
        (variation.checkpointSlots ?? 0) > variation.logSlots,
      ),
      'runs with keys beyond ASCII': Number(isUnusual),
      'runs with clients that do one thing': Number(clients.some(({ requests }) => requests.length === 1)),
      'runs with faults while the cluster forms': Number(forming !== undefined),
    };
    return Object.fromEntries(Object.entries(rows).filter(([, count]) => count > 0));
  }
}
