import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { runner, type Done, type Job } from './job';

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
  const workers = Array.from(
    { length: Math.min(jobs, last - first + 1) },
    () => new Worker(join(__dirname, 'worker.js'), { workerData: job, resourceLimits: LIMITS }),
  );
  try {
    await Promise.all(workers.map((worker) => work((seed) => ask(worker, seed))));
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

function ask(worker: Worker, seed: number): Promise<Done> {
  return new Promise((resolve, reject) => {
    worker.once('error', reject);
    worker.once('message', (done: Done) => {
      worker.off('error', reject);
      resolve(done);
    });
    worker.postMessage(seed);
  });
}
