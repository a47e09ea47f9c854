import type { ServerId } from '../core/ballot';
import { strikeLeader, type Hands } from './leader-faults';
import { HEALTHY } from './network';
import type { Node } from './node';
import { moveQuorum } from './quorum-moves';
import type { Fault, FaultPoint, Scenario } from './scenario';
import { FIRST_CLIENT, NOWHERE } from './virtual-time';
import { Weather, linksBetween } from './weather';
import type { World } from './world';

/** How often something was done to the cluster, by kind. */
export type Injected = Map<string, number>;

interface Trap {
  readonly point: FaultPoint;
  left: number;
  readonly run: () => void;
}

type MachineFault = Extract<
  Fault,
  { kind: 'pause' | 'clock rate' | 'clock jump' | 'slow disk' | 'failing sync' | 'wiped disk' }
>;

/** A server whose disk failed is surely down by then. */
const STOPPED_MS = 5;

/** Does to a running cluster what the scenario says, and counts it. */
export class Nemesis {
  readonly injected: Injected = new Map();
  readonly #world: World;
  readonly #nodes: readonly Node[];
  readonly #scenario: Scenario;
  readonly #weather: Weather;
  readonly #hands: Hands;
  /** What is to happen once a server has reached a point so many times. */
  readonly #armed = new Map<ServerId, Trap[]>();
  readonly #slow = new Map<ServerId, number>();
  /** Servers whose faults end for good, now and later. */
  readonly #healed = new Set<ServerId>();
  #hasFormed = false;

  constructor(world: World, nodes: readonly Node[], scenario: Scenario) {
    this.#world = world;
    this.#nodes = nodes;
    this.#scenario = scenario;
    const count = (kind: string): void => {
      this.#count(kind);
    };
    this.#weather = new Weather({
      time: world.time,
      network: scenario.network,
      random: {
        links: world.random.fork('nemesis'),
        messages: world.random.fork('weather'),
        late: world.random.fork('very late'),
      },
      count,
    });
    this.#hands = {
      world,
      nodes,
      weather: this.#weather,
      isHealed: (server) => this.#healed.has(server),
      count,
      crash: (...crash) => {
        this.#crash(...crash);
      },
      pause: (node, forMs) => {
        this.#pause(node, forMs);
      },
      later: (...later) => {
        this.#later(...later);
      },
    };
    const disks = world.random.fork('disks');
    for (const { id, host } of nodes) {
      host.disk.syncMs = () => disks.float() * (this.#slow.get(id) ?? scenario.syncMs);
      this.#armed.set(id, []);
      host.onPoint = host.disk.onPoint = (point: FaultPoint) => {
        this.#reach(id, point);
      };
    }
  }

  /** What befalls the servers while they meet. Gives whether the weather is on already. */
  forming(): boolean {
    const { forming } = this.#scenario;
    if (forming === undefined) return false;
    if (forming.isStormy) this.#world.network.rule = this.#weather.rule;
    this.#schedule(forming.faults);
    return forming.isStormy;
  }

  /** Ends the weather; what befell servers goes on. */
  calm(): void {
    this.#world.network.rule = HEALTHY;
  }

  /** Begins: weather now, each fault at its time. */
  start(): void {
    this.#world.network.rule = this.#weather.rule;
    this.#hasFormed = true;
    this.#schedule(this.#scenario.faults);
  }

  /**
   * Frees these servers, and all clients, from every fault, for good; between them the network is well. The others stay
   * as they are: down, cut off, slow.
   */
  heal(servers: readonly ServerId[]): void {
    for (const server of servers) this.#healed.add(server);
    this.#world.tell?.(NOWHERE, () => `servers ${servers.join(', ')} are healed for good`);
    const weather = this.#world.network.rule;
    const isWell = (place: number): boolean => place >= FIRST_CLIENT || this.#healed.has(place);
    this.#world.network.rule = (message) =>
      isWell(message.from) && isWell(message.to) ? 'deliver' : weather(message);
    for (const server of servers) {
      const node = this.#nodes[server];
      if (node === undefined) continue;
      this.#slow.delete(server);
      node.faults.acceptorFailure = 0;
      node.host.setClockRate(1);
      this.#armed.set(server, []);
      node.host.disk.repair();
      if (node.host.disk.hasFailed) node.crash(0);
      node.host.resume();
      node.start();
    }
  }

  #schedule(faults: readonly Fault[]): void {
    for (const fault of faults)
      this.#world.time.after(fault.atMs, () => {
        this.#strike(fault);
      });
  }

  #count(what: string): void {
    const kind = this.#hasFormed ? what : `while the cluster forms: ${what}`;
    this.injected.set(kind, (this.injected.get(kind) ?? 0) + 1);
  }

  #strike(fault: Fault): void {
    this.#world.tell?.(NOWHERE, () => JSON.stringify(fault));
    switch (fault.kind) {
      case 'partition':
        if (fault.cut.length === 0) break;
        this.#count(`partition, ${fault.shape}`);
        this.#weather.cut(fault.cut, fault.forMs);
        break;
      case 'flapping':
        if (fault.cut.length === 0) break;
        this.#count('link flapping');
        this.#weather.flap(fault.cut, fault.periodMs, this.#world.time.now + fault.forMs);
        break;
      case 'lane cut':
      case 'lane slow':
        if (fault.connections.length === 0) break;
        this.#count(`${fault.kind}, ${fault.side}`);
        this.#weather.lanes.begin(fault);
        break;
      case 'crash':
        for (const server of fault.servers) this.#crash(server, 'crash', fault.kept, fault.downMs);
        break;
      case 'lonely restart': {
        const cut = linksBetween([fault.server], this.#others(fault.server));
        this.#atPoint(fault.server, 'client-answered', 1, () => {
          this.#crash(fault.server, 'lonely restart', fault.kept, fault.downMs);
          this.#weather.cut(cut, fault.downMs + fault.forMs);
        });
        break;
      }
      case 'quorum moves':
        moveQuorum(fault, this.#hands);
        break;
      case 'restart storm':
        this.#storm(fault, fault.upMs);
        break;
      case 'crash at a point':
        this.#atPoint(fault.server, fault.point, fault.times, () => {
          this.#crash(fault.server, `crash at ${fault.point}`, fault.kept, fault.downMs);
        });
        break;
      case 'leader crash':
      case 'leader crash as one returns':
      case 'leader usurped':
      case 'leader pause':
      case 'leader cut off':
      case 'leader restart':
        strikeLeader(fault, this.#hands);
        break;
      default:
        this.#strikeMachine(fault);
    }
  }

  #others(server: ServerId): ServerId[] {
    return this.#world.members.filter((member) => member !== server);
  }

  #pause(node: Node, forMs: number): void {
    node.host.pause();
    this.#later(node.id, forMs, () => {
      node.host.resume();
    });
  }

  #strikeMachine(fault: MachineFault): void {
    const { server } = fault;
    const node = this.#nodes[server];
    if (node === undefined || this.#healed.has(server) || !node.isUp) return;
    // A sync that is to fail counts when it does.
    if (fault.kind === 'failing sync') this.#restartAfterFailure(node, fault.downMs);
    else this.#count(fault.kind);
    switch (fault.kind) {
      case 'pause':
        this.#pause(node, fault.forMs);
        break;
      case 'clock rate':
        node.host.setClockRate(fault.rate);
        break;
      case 'clock jump':
        node.host.jumpClock(fault.byMs);
        break;
      case 'slow disk':
        this.#slow.set(server, fault.syncMs);
        this.#later(server, fault.forMs, () => this.#slow.delete(server));
        break;
      case 'failing sync':
        node.host.disk.failNextSync(fault.keepsFirst);
        break;
      case 'wiped disk':
        node.wipe();
        this.#later(server, fault.downMs, () => {
          node.start();
        });
    }
  }

  #restartAfterFailure(node: Node, downMs: number): void {
    const forget = node.onDiskFailed(() => {
      forget();
      this.#count('failing sync');
      this.#later(node.id, STOPPED_MS + downMs, () => {
        node.start();
      });
    });
  }

  #crash(server: ServerId, kind: string, keptShare: number, downMs: number): void {
    const node = this.#nodes[server];
    if (node?.isUp !== true || this.#healed.has(server)) return;
    this.#count(kind);
    const lost = node.crash(Math.round(keptShare * node.host.disk.pendingWrites));
    if (lost > 0) this.#count('crash that lost unsynced writes');
    this.#later(server, downMs, () => {
      node.start();
    });
  }

  #storm(storm: Extract<Fault, { kind: 'restart storm' }>, upMs: readonly number[]): void {
    const { server, kept, syncMs, downMs } = storm;
    this.#crash(server, 'crash in a restart storm', kept, downMs);
    const [firstUpMs, ...rest] = upMs;
    if (firstUpMs === undefined || this.#healed.has(server)) {
      this.#slow.delete(server);
      return;
    }
    this.#slow.set(server, syncMs);
    this.#world.time.after(downMs + firstUpMs, () => {
      this.#storm(storm, rest);
    });
  }

  /** Runs it when the server has reached this point so many times. */
  #atPoint(server: ServerId, point: FaultPoint, times: number, run: () => void): void {
    const armed = this.#armed.get(server);
    if (armed === undefined || this.#healed.has(server)) return;
    armed.push({ point, left: times, run });
  }

  #reach(server: ServerId, point: FaultPoint): void {
    for (const trap of [...(this.#armed.get(server) ?? [])]) {
      if (trap.point !== point || --trap.left > 0) continue;
      this.#armed.set(
        server,
        (this.#armed.get(server) ?? []).filter((other) => other !== trap),
      );
      trap.run();
    }
  }

  /** When the fault is over, unless the server was freed before. */
  #later(server: ServerId, delayMs: number, run: () => void): void {
    this.#world.time.after(delayMs, () => {
      if (!this.#healed.has(server)) run();
    });
  }
}
