import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { runner, type Done, type Job } from './job';

export interface Seeds {
  readonly first: number;
  readonly last: number;
}

/**
 * Runs the seeds, `jobs` at a time, and hands on each result as it comes; `onDone` gives false to stop. A single job
 * runs right here.
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
  if (jobs === 1) {
    await work(runner(job));
    return;
  }
  const workers = Array.from(
    { length: Math.min(jobs, last - first + 1) },
    () => new Worker(join(__dirname, 'worker.js'), { workerData: job }),
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
