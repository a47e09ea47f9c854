import { execFileSync, spawnSync } from 'node:child_process';

/** What a program must be run by to use SwitchedNetwork: it is root of a network of its own, whoever it is outside. */
export const IN_OWN_NETWORK = ['unshare', '--map-root-user', '--net', '--mount'] as const;

const SUBNET = '10.77.0';
const PROBE = [
  'mount -t tmpfs none /run',
  'ip link add probe type bridge',
  'ip netns add probe',
  'ip link add probe0 type veth peer name probe1 netns probe',
  'nft add table bridge probe',
].join(' && ');

/** Why this machine cannot cut a network, or undefined when it can. */
export function whyNotSwitched(): string | undefined {
  const [program, ...rest] = IN_OWN_NETWORK;
  const { status, error, stderr } = spawnSync(program, [...rest, 'sh', '-c', PROBE], { encoding: 'utf8' });
  if (status === 0) return undefined;
  return error?.message ?? (stderr.trim() || 'unshare ended');
}

/**
 * As many machines as wanted, each a network namespace with an address of its own, on one switch; this process is on
 * the switch too. What the switch does not pass on from one machine to another is counted. (On one loopback interface
 * a packet does not show which server sent it: the kernel gives all of them the same source address.)
 */
export class SwitchedNetwork {
  readonly #machines: readonly number[];

  constructor(machines: number) {
    this.#machines = Array.from({ length: machines }, (_, id) => id);
    // Named namespaces are files there; the mount is seen by this process only.
    run('mount', '-t', 'tmpfs', 'none', '/run');
    run('ip', 'link', 'set', 'lo', 'up');
    run('ip', 'link', 'add', 'switch', 'type', 'bridge');
    run('ip', 'address', 'add', `${SUBNET}.254/24`, 'dev', 'switch');
    run('ip', 'link', 'set', 'switch', 'up');
    for (const id of this.#machines) this.#connect(id);
    run('nft', 'add table bridge synod');
    run('nft', 'add chain bridge synod cut { type filter hook forward priority 0; }');
  }

  address(id: number): string {
    return `${SUBNET}.${id + 1}`;
  }

  /** The command line that runs `command` on a machine. */
  on(id: number, command: readonly string[]): string[] {
    return ['nsenter', `--net=/run/netns/${machine(id)}`, ...command];
  }

  /** From now on no packet of these machines reaches those. Adds to earlier cuts. */
  cut(from: readonly number[], to: readonly number[]): void {
    const addresses = (ids: readonly number[]): string => ids.map((id) => this.address(id)).join(', ');
    run(
      'nft',
      `add rule bridge synod cut ip saddr { ${addresses(from)} } ip daddr { ${addresses(to)} } counter drop`,
    );
  }

  /** Passes everything on again. Returns how many packets each cut had dropped, in the order of the cuts. */
  heal(): number[] {
    const rules = execFileSync('nft', ['list', 'chain', 'bridge', 'synod', 'cut'], { encoding: 'utf8' });
    run('nft', 'flush chain bridge synod cut');
    return [...rules.matchAll(/counter packets (\d+) /g)].map((match) => Number(match[1]));
  }

  #connect(id: number): void {
    const name = machine(id);
    run('ip', 'netns', 'add', name);
    run('ip', 'link', 'add', `port${id}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
    run('ip', 'link', 'set', `port${id}`, 'master', 'switch', 'up');
    run('ip', '-n', name, 'link', 'set', 'lo', 'up');
    run('ip', '-n', name, 'address', 'add', `${this.address(id)}/24`, 'dev', 'eth0');
    run('ip', '-n', name, 'link', 'set', 'eth0', 'up');
  }
}

function machine(id: number): string {
  return `machine${id}`;
}

function run(program: string, ...args: string[]): void {
  execFileSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
}
