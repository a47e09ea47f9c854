import { describe, expect, test } from '@jest/globals';
import type { Ballot, ServerId } from '../../../src/core/ballot';
import type { Environment } from '../../../src/core/environment';
import type { OperationError } from '../../../src/core/errors';
import { RoundTrip } from '../../../src/core/round-trip';
import type { Follower } from '../../../src/protocols/multi-paxos/follower';
import type { CommandReply, LeaderService } from '../../../src/protocols/multi-paxos/messages';
import { Operations } from '../../../src/protocols/multi-paxos/operations';
import { DEFAULT_OPTIONS } from '../../../src/protocols/multi-paxos/options';
import { Requests, type Proposed } from '../../../src/protocols/multi-paxos/requests';
import type { VirtualTime } from '../../../src/simulation/virtual-time';
import { virtualClock } from '../../support/virtual-clock';

const VALUE = { id: '0.1.1', command: null };
const LONG_MS = 10_000;

/** Three servers lead one after the other; what each answers to a command of server 0, undefined for nothing. */
async function proposed(
  ...replies: (CommandReply | undefined)[]
): Promise<{ outcome: Proposed; asked: ServerId[] }> {
  const { time, clock } = virtualClock();
  const asked: ServerId[] = [];
  const watchers = new Set<() => void>();
  const follower = { ballot: { round: 1, server: 1 }, hearsLeader: true, heard: () => undefined };
  const next = (): void => {
    const { round } = follower.ballot;
    follower.ballot = { round: round + 1, server: round + 1 };
    for (const watcher of [...watchers]) watcher();
  };
  const peer = (id: ServerId): LeaderService =>
    ({
      propose: ({ ballot }: { ballot: Ballot }) => {
        asked.push(id);
        clock.after(50, () => {
          if (ballot.round === follower.ballot.round && id <= replies.length) next();
        });
        const reply = replies[id - 1];
        return reply === undefined ? new Promise(() => undefined) : Promise.resolve(reply);
      },
    }) as Partial<LeaderService> as LeaderService;
  const requests = new Requests({
    environment: { self: 0, clock } as unknown as Environment,
    follower: Object.assign(follower, {
      watch: (watcher: () => void) => {
        watchers.add(watcher);
        return () => watchers.delete(watcher);
      },
    }) as unknown as Follower,
    leader: () => undefined,
    peers: new Map([1, 2, 3].map((id) => [id, peer(id)])),
    roundTrip: new RoundTrip(),
    options: DEFAULT_OPTIONS,
  });
  const outcome = await time.settled(requests.propose(VALUE, clock.now() + LONG_MS, 1), 2 * LONG_MS);
  return { outcome, asked };
}

const CHOSEN: CommandReply = { kind: 'chosen', slot: 4 };

describe('a command', () => {
  test('is brought to the next leader when one says that it did not propose it', async () => {
    const { outcome, asked } = await proposed({ kind: 'not-leading' }, CHOSEN);
    expect([outcome, asked]).toEqual([CHOSEN, [1, 2]]);
  });

  test.each<[string, CommandReply | undefined]>([
    ['says that it was overtaken', { kind: 'overtaken' }],
    ['says nothing, and another one leads', undefined],
  ])('is brought to no second leader when the first one %s', async (_, reply) => {
    const { outcome, asked } = await proposed(reply, CHOSEN);
    expect([outcome, new Set(asked)]).toEqual([{ kind: 'unknown' }, new Set([1])]);
  });

  test('that is refused for now is surely not proposed', async () => {
    expect(await proposed({ kind: 'overloaded' }, CHOSEN)).toEqual({
      outcome: { kind: 'overloaded' },
      asked: [1],
    });
  });
});

/** How a write ends whose tries end so, one after the other. */
async function submitted(isRepeatable: boolean, ...tries: Proposed[]): Promise<string> {
  const { time, clock } = virtualClock();
  const left = [...tries];
  const operations = new Operations<string>({
    environment: { clock } as unknown as Environment,
    learner: {
      applied: 0,
      expect: () => ({ outcome: undefined, cancel: () => undefined }),
      until: (_: () => boolean, delayMs: number) => clock.sleep(delayMs),
    },
    requests: {
      propose: () => Promise.resolve(left.shift() ?? tries.at(-1)!),
    } as Partial<Requests> as Requests,
    options: DEFAULT_OPTIONS,
  });
  return outcomeOf(time, operations.submit(VALUE, 1000, isRepeatable));
}

function outcomeOf(time: VirtualTime, operation: Promise<string>): Promise<string> {
  const told = operation.catch((error: unknown) => (error as OperationError).failure);
  return time.settled(told, LONG_MS);
}

describe('a write', () => {
  test.each<[Proposed['kind'], string]>([
    ['unreachable', 'no-quorum'],
    ['overloaded', 'overloaded'],
  ])('that no leader took fails for sure: %s', async (kind, failure) => {
    expect(await submitted(true, { kind } as Proposed)).toBe(failure);
  });

  test.each<Proposed['kind']>(['unreachable', 'overloaded', 'unknown'])(
    'that a lost leader perhaps proposed has an unknown outcome, whatever comes of the next try: %s',
    async (kind) => {
      expect(await submitted(true, { kind: 'unknown' }, { kind } as Proposed)).toBe('outcome-unknown');
      expect(await submitted(false, { kind: 'unknown' }, { kind } as Proposed)).toBe('outcome-unknown');
    },
  );
});
