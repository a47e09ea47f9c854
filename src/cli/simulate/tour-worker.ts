import { parentPort, workerData } from 'node:worker_threads';
import type { Wishes } from '../../simulation/draw';
import { exhibitOf } from '../../simulation/museum/code';
import { visit, type Finding } from '../../simulation/museum/tour';

/** What holds for all exhibits of a tour. */
export interface Tour {
  readonly read: Wishes['read'];
  readonly mostSeeds: number;
}

/** Of one exhibit; it took so long on the wall's clock. */
export type Visited = Omit<Finding, 'exhibit'> & { readonly tookMs: number };

/** What the thread says: one more seed was run, or the exhibit is done. */
export type TourMessage = { readonly kind: 'run' } | { readonly kind: 'visited'; readonly visited: Visited };

const { read, mostSeeds } = workerData as Tour;
const nowMs = performance.now.bind(performance);

async function visitExhibit(id: string): Promise<Visited> {
  const exhibit = exhibitOf(id);
  if (exhibit === undefined) throw new Error(`there is no exhibit ${id}`);
  const beganMs = nowMs();
  const { caught, runs, simulatedMs } = await visit(exhibit, read, mostSeeds, () => {
    tell({ kind: 'run' });
  });
  return { caught, runs, simulatedMs, tookMs: nowMs() - beganMs };
}

function tell(message: TourMessage): void {
  parentPort?.postMessage(message);
}

/* A thread that visits the exhibits it is sent. One that cannot be visited at all ends the thread with the error. */
parentPort?.on('message', (id: string) => {
  void visitExhibit(id).then((visited) => {
    tell({ kind: 'visited', visited });
  });
});
