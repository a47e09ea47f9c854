import { parentPort, workerData } from 'node:worker_threads';
import { runner, type Job } from './job';
import { ALIVE, ALIVE_EVERY_MS } from './thread';

setInterval(() => parentPort?.postMessage(ALIVE), ALIVE_EVERY_MS);

/* A thread that runs the seeds it is sent. One that fails to run at all ends the thread with the error. */
const run = runner(workerData as Job);
parentPort?.on('message', (seed: number) => {
  void run(seed).then((done) => parentPort?.postMessage(done));
});
