import type { ServerId } from '../core/ballot';
import { historyOf } from '../history/json-lines';
import { judge } from '../history/judge';
import type { HistoryEvent } from '../history/history';
import { parseQuorums } from '../core/quorum';
import { Recorder } from '../history/recorder';
import { DurabilityObserver } from './durability';
import { isolated } from './isolation';
import { Nemesis } from './nemesis';
import { Node } from './node';
import { Violation } from './observer';
import { ProgressObserver } from './progress-observer';
import { Oracle } from './oracle';
import { expectAnswers, READ_AND_WRITE, WRITE } from './probe';
import type { RunReport } from './run-report';
import type { Scenario } from './scenario';
import { SimulatedClient, type ClientParts } from './simulated-client';
import { StateWatch } from './state-watch';
import { TraceHash } from './trace-hash';
import { NOWHERE, type Place } from './virtual-time';
import { VARIED } from './varied-protocols';
import { virtualWorld, type World } from './world';

const START_MS = 20_000;
/** Bad weather can keep a cluster from forming, so it ends. */
const STORM_MS = 10_000;
/** The healed core has this long to finish every outstanding operation. */
const LIVENESS_MS = 60_000;
/** All servers that are not lost for good have this long to become equal. */
const CONVERGENCE_MS = 60_000;

/** A ready server takes a write within this time: an election and then some. */
const SOON_MS = 20_000;

/** Of the search for an order of all operations. What it cannot decide with so many fails. */
const JUDGE_STEPS = 3_000_000;

export type { RunReport };

/** Hears the story of a run, line by line. */
export type Tell = (atMs: number, place: Place, text: string) => void;

/** A cluster, its clients and what befalls them, from start to verdict. */
class Run {
  readonly #scenario: Scenario;
  readonly #world: World;
  readonly #oracle: Oracle;
  readonly #nodes: readonly Node[];
  readonly #nemesis: Nemesis;
  readonly #clients: readonly SimulatedClient[];
  /** Others may see what probes write, so it belongs to the history. */
  readonly #probeParts: Omit<ClientParts, 'plan' | 'index'>;
  readonly #history: HistoryEvent[] = [];
  readonly #state: StateWatch;
  #checked = 0;
  #staleRead: string | undefined;

  constructor(scenario: Scenario, tell: Tell | undefined) {
    this.#scenario = scenario;
    const members = Array.from({ length: scenario.servers }, (_, id) => id);
    const { quorums, thrifty, lease } = scenario;
    const check = (): void => {
      progress.check(this.#nodes);
    };
    const world = virtualWorld(members, scenario.seed, check, quorums);
    this.#world = world;
    const progress = new ProgressObserver(world.observer);
    if (tell !== undefined)
      world.tell = (place, text) => {
        tell(world.time.now, place, text());
      };
    const { limits, pieceSlots } = scenario.variation;
    world.load.mostEntries = limits?.roundSlots ?? pieceSlots;
    const durability = new DurabilityObserver(world.observer, scenario.protocol, () => this.#nodes);
    world.answered = (...answer) => {
      durability.answered(...answer);
      this.#state.formation.answered(...answer);
    };
    const oracle = new Oracle(world.observer, durability, scenario.state?.initial);
    this.#oracle = oracle;
    const protocol = VARIED[scenario.protocol](scenario.variation);
    const settings = { quorums: parseQuorums(quorums, members), thrifty, lease };
    this.#state = new StateWatch({ world, scenario, oracle, protocol, settings, nodes: () => this.#nodes });
    const nodes = members.map(
      (id) =>
        new Node({
          world,
          id,
          oracle,
          protocol,
          settings,
          protocolName: scenario.protocol,
          operationTimeoutMs: scenario.operationTimeoutMs,
          acceptorFailure: scenario.acceptorFailure,
          digestSlots: scenario.digestSlots ?? 1,
          sessionLimits: scenario.state?.sessions,
          watch: this.#state,
          random: world.random.fork(`acceptor faults ${id}`),
        }),
    );
    this.#nodes = nodes;
    this.#nemesis = new Nemesis(world, nodes, scenario);
    const recorder = new Recorder(
      () => world.time.now,
      (event) => {
        world.tell?.(NOWHERE, () => `client: ${JSON.stringify(event)}`);
        this.#history.push(event);
      },
    );
    this.#probeParts = { world, nodes, oracle, recorder };
    this.#state.record(recorder);
    this.#clients = scenario.clients.map(
      (plan, index) => new SimulatedClient({ world, nodes, oracle, recorder, index, plan }),
    );
  }

  unexpected(error: unknown): void {
    this.#world.observer.unexpected(NOWHERE, error);
  }

  async report(): Promise<RunReport> {
    let failure: RunReport['failure'];
    try {
      await this.#start();
      await this.#safety();
      await this.#liveness();
      await this.#convergence();
      this.#judge();
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      failure = { kind: error.kind, message: error.message };
    }
    return this.#reportOf(failure);
  }

  async #start(): Promise<void> {
    const isStormy = this.#nemesis.forming();
    for (const node of this.#nodes) node.start();
    this.#state.start();
    if (isStormy) for (const client of this.#clients) client.start();
    const hasFormed = (): boolean => this.#nodes.every((node) => node.isServing);
    if (isStormy && !(await this.#world.time.runUntil(hasFormed, STORM_MS))) this.#nemesis.calm();
    await this.#expect('the cluster forms', hasFormed, START_MS);
    this.#nemesis.start();
    if (!isStormy) for (const client of this.#clients) client.start();
  }

  async #safety(): Promise<void> {
    await this.#world.time.run(this.#scenario.safetyMs);
  }

  /** Whatever happened and goes on outside, a healed quorum finishes all that was begun, and takes new work. */
  async #liveness(): Promise<void> {
    const { core } = this.#scenario;
    for (const client of this.#clients) client.stop();
    this.#nemesis.heal(core);
    await this.#expect(
      'the core serves',
      () => core.every((server) => this.#nodes[server]?.isServing),
      LIVENESS_MS,
    );
    await this.#expect(
      'every operation that was begun has an answer',
      () => !this.#clients.some((client) => client.isBusy && client.knows(core)),
      LIVENESS_MS,
    );
    for (const server of core) await this.#probe(server);
  }

  /** Then all that is not lost for good comes back, and becomes equal. */
  async #convergence(): Promise<void> {
    const able = this.#nodes.filter((node) => !node.isWiped);
    this.#nemesis.heal(able.map((node) => node.id));
    const ids = able.map((node) => node.id);
    await this.#expect(
      'every operation has an answer, unless its client knows only servers that are lost',
      () => !this.#clients.some((client) => client.isBusy && client.knows(ids)),
      CONVERGENCE_MS,
    );
    await this.#expect(
      'all servers become equal',
      () =>
        able.every((node) => node.isServing) &&
        new Set(able.map((node) => `${node.applied} ${node.digest}`)).size === 1,
      CONVERGENCE_MS,
    );
    if (new Set(able.map((node) => node.state)).size > 1)
      this.#world.observer.fail(
        'states differ',
        'entries and sessions of servers that have applied the same slots',
      );
    for (const node of able) if (node.isServing) await this.#probeReady(node.id);
    for (const node of this.#nodes)
      if (node.isWiped && node.refusal === undefined && node.isServing)
        this.#world.observer.fail('wiped disk let in', `server ${node.id} serves with an empty disk`);
    for (const node of able) await this.#state.rehearse(node);
    this.#world.observer.check();
  }

  /** A new read and a new write through this very server succeed. */
  async #probe(server: ServerId): Promise<void> {
    const what = `server ${server} of the core answers a new read and a new write`;
    const plan = { server, first: this.#clients.length, limitMs: LIVENESS_MS, requests: READ_AND_WRITE };
    await expectAnswers(what, plan, this.#probeParts, this.#expect);
  }

  /** Whoever calls itself ready when all is calm takes a write, and soon. */
  async #probeReady(server: ServerId): Promise<void> {
    const what = `server ${server}, which is ready, takes a write`;
    const first = this.#clients.length + this.#nodes.length;
    await expectAnswers(
      what,
      { server, first, limitMs: SOON_MS, requests: WRITE },
      this.#probeParts,
      this.#expect,
    );
    this.#world.load.count('ready server that took a write');
  }

  readonly #expect = async (
    what: string,
    done: () => boolean | undefined,
    limitMs: number,
  ): Promise<void> => {
    if (await this.#world.time.runUntil(() => done() === true, limitMs)) return;
    this.#world.observer.fail('no progress', `not within ${limitMs / 1000} s: ${what}`);
    this.#world.observer.check();
  };

  /** What clients were told, all together, against what any correct store could have told them. */
  #judge(): void {
    const { observer } = this.#world;
    const judgement = judge(historyOf(this.#history, 'absent'), { steps: JUDGE_STEPS });
    this.#checked = judgement.checked - this.#state.recorded;
    if (judgement.kind === 'violation')
      observer.fail(judgement.violation.anomaly.name, judgement.violation.anomaly.text);
    else if (judgement.kind === 'unknown') observer.fail('undecided', judgement.reason);
    else if (judgement.kind === 'sequential') this.#staleRead = judgement.violation.anomaly.text;
    if (observer.chosenSlots === 0) observer.fail('no work', 'nothing was chosen');
    if (this.#clients.every(({ performed }) => performed === 0))
      observer.fail('no work', 'no client asked for anything');
    if (this.#oracle.checkedAnswers === 0 || this.#checked <= 0)
      observer.fail('no work', 'no answer was checked');
    observer.check();
  }

  #injected(): Record<string, number> {
    const unanswered = this.#nodes.reduce((sum, { faults }) => sum + faults.unanswered, 0);
    return {
      ...Object.fromEntries(this.#nemesis.injected),
      ...(unanswered > 0 && { 'acceptor call unanswered': unanswered }),
    };
  }

  #reportOf(failure: RunReport['failure']): RunReport {
    const { time, observer, load } = this.#world;
    const trace = new TraceHash();
    trace.addText(time.traceHash);
    trace.addText(observer.traceHash);
    for (const event of this.#history) trace.addText(JSON.stringify(event));
    return {
      seed: this.#scenario.seed,
      failure,
      traceHash: trace.toString(),
      simulatedMs: time.now,
      events: time.events,
      operations: this.#clients.reduce((sum, { performed }) => sum + performed, 0),
      succeeded: this.#clients.reduce((sum, { succeeded }) => sum + succeeded, 0),
      checked: this.#checked,
      staleRead: this.#staleRead,
      chosenSlots: observer.chosenSlots,
      injected: this.#injected(),
      branches: observer.branches,
      state: this.#state.counts(),
      loads: load.counts,
      peaks: load.peaks,
      history: this.#history,
    };
  }
}

/** Carries out the scenario. The same scenario gives the same report, wherever and whenever. */
export function runScenario(scenario: Scenario, tell?: Tell): Promise<RunReport> {
  return isolated(
    () => new Run(scenario, tell),
    (run) => run.report(),
    (run, error) => {
      run.unexpected(error);
    },
  );
}
