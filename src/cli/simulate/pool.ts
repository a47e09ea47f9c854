import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Mistake } from '../../simulation/museum/exhibit';
import { runner, type Done, type Job } from './job';
import type { Tour, TourMessage, Visited } from './tour-worker';

/** Nearly all that a simulation allocates is soon garbage: with more room for it, less is copied about. */
const LIMITS = { maxYoungGenerationSizeMb: 192 };

export interface Seeds {
  readonly first: number;
  readonly last: number;
}

/**
 * Runs the seeds, `jobs` at a time, and hands on each result as it comes; `onDone` gives false to stop. A single
 * seed runs right here.
 */
export async function runSeeds(
  job: Job,
  { first, last }: Seeds,
  jobs: number,
  onDone: (done: Done) => boolean,
): Promise<void> {
  let next = first;
  let isStopped = false;
  const work = async (run: (seed: number) => Promise<Done>): Promise<void> => {
    while (next <= last && !isStopped) if (!onDone(await run(next++))) isStopped = true;
  };
  if (first === last) {
    await work(runner(job));
    return;
  }
  await withWorkers('worker.js', job, Math.min(jobs, last - first + 1), (worker) =>
    work((seed) => ask(worker, seed, (done) => done as Done)),
  );
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
  await withWorkers('tour-worker.js', tour, Math.min(jobs, mistakes.length), async (worker) => {
    for (const [index, mistake] of queue) {
      const visited = await ask(worker, mistake, (said) => {
        const message = said as TourMessage;
        if (message.kind === 'visited') return message.visited;
        onRun(mistake.id);
        return undefined;
      });
      onVisited(index, visited);
    }
  });
}

async function withWorkers(
  file: string,
  workerData: unknown,
  count: number,
  work: (worker: Worker) => Promise<void>,
): Promise<void> {
  const workers = Array.from(
    { length: count },
    () => new Worker(join(__dirname, file), { workerData, resourceLimits: LIMITS }),
  );
  try {
    await Promise.all(workers.map(work));
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

/** Sends a question and listens until `answerIn` finds the answer in what is said. */
function ask<Answer extends object>(
  worker: Worker,
  question: unknown,
  answerIn: (message: unknown) => Answer | undefined,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const listen = (message: unknown): void => {
      const answer = answerIn(message);
      if (answer === undefined) return;
      worker.off('message', listen);
      worker.off('error', reject);
      resolve(answer);
    };
    worker.once('error', reject);
    worker.on('message', listen);
    worker.postMessage(question);
  });
}
