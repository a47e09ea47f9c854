import type { ProtocolName } from '../../protocols/registry';
import type { Mistake } from '../../simulation/museum/exhibit';
import { wishesFor } from '../../simulation/museum/tour';
import { NO_RUNS, type RunFigures } from '../../simulation/summary';
import type { Done, Job } from './job';
import { Thread } from './thread';
import type { Tour, TourMessage, Visited } from './tour-worker';

export interface Seeds {
  readonly first: number;
  readonly last: number;
}

/** Runs the seeds, `jobs` at a time, and hands on each result as it comes; `onDone` gives false to stop. */
export async function runSeeds(
  job: Job,
  { first, last }: Seeds,
  jobs: number,
  onDone: (done: Done) => boolean,
): Promise<void> {
  let next = first;
  let isStopped = false;
  await withThreads('worker.js', job, Math.min(jobs, last - first + 1), async (thread) => {
    while (next <= last && !isStopped) {
      const seed = next++;
      const done = await thread.ask(seed, (said) => said as Done);
      if (!onDone(done ?? { figures: spinning(seed), tookMs: 0 })) isStopped = true;
    }
  });
}

/** Visits the mistakes, `jobs` at a time. `onRun` hears of each seed, `onVisited` of each mistake, as they come. */
export async function visitAll(
  tour: Tour,
  mistakes: readonly Mistake[],
  jobs: number,
  onRun: (id: string) => void,
  onVisited: (index: number, visited: Visited) => void,
): Promise<void> {
  const queue = mistakes.entries();
  await withThreads('tour-worker.js', tour, Math.min(jobs, mistakes.length), async (thread) => {
    for (const [index, mistake] of queue) {
      let runs = 0;
      const visited = await thread.ask(mistake, (said) => {
        const message = said as TourMessage;
        if (message.kind === 'visited') return message.visited;
        runs++;
        onRun(mistake.id);
        return undefined;
      });
      onVisited(index, visited ?? spinningVisit(wishesFor(mistake, tour.read).protocol, runs + 1));
    }
  });
}

async function withThreads(
  file: string,
  workerData: unknown,
  count: number,
  work: (thread: Thread) => Promise<void>,
): Promise<void> {
  const threads = Array.from({ length: count }, () => new Thread(file, workerData));
  try {
    await Promise.all(threads.map(work));
  } finally {
    await Promise.all(threads.map((thread) => thread.end()));
  }
}

/** Of a run that has to be ended from outside. */
export const SPINS = 'spins';
const HOW_IT_SPINS = 'a run that goes on without ever letting time pass';

function spinning(seed: number): RunFigures {
  const { simulatedMs, events, operations, succeeded, checked, chosenSlots } = NO_RUNS;
  return {
    ...{ seed, simulatedMs, events, operations, succeeded, checked, chosenSlots },
    failure: { kind: SPINS, message: `${SPINS}: ${HOW_IT_SPINS}` },
    ...{ traceHash: '', staleRead: undefined, injected: {}, branches: {} },
    ...{ loads: {}, peaks: {}, state: {} },
  };
}

function spinningVisit(protocol: ProtocolName, seed: number): Visited {
  const caught = { seed, kind: SPINS, message: HOW_IT_SPINS };
  return { protocol, caught, runs: seed, simulatedMs: 0, tookMs: 0 };
}
