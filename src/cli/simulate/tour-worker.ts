import { parentPort, workerData } from 'node:worker_threads';
import type { ProtocolName } from '../../protocols/registry';
import type { Wishes } from '../../simulation/draw';
import type { Mistake } from '../../simulation/museum/exhibit';
import { Inapplicable, NotSimulated } from '../../simulation/museum/mutant';
import { visit, wishesFor, type Finding } from '../../simulation/museum/tour';
import { ALIVE, ALIVE_EVERY_MS } from './thread';

/** What holds for all mistakes of a tour. */
export interface Tour {
  readonly read: Wishes['read'];
  readonly mostSeeds: number;
}

/** Of one mistake; it took so long on the wall's clock. */
export interface Visited extends Finding {
  readonly protocol: ProtocolName;
  readonly tookMs: number;
  /** Why the mistake could not be put in, or is in no simulated run. */
  readonly obstacle?: { readonly kind: 'inapplicable' | 'not simulated'; readonly message: string };
}

/** What the thread says: one more seed was run, or the mistake is done. */
export type TourMessage = { readonly kind: 'run' } | { readonly kind: 'visited'; readonly visited: Visited };

const { read, mostSeeds } = workerData as Tour;
const nowMs = performance.now.bind(performance);

async function visitMistake(mistake: Mistake): Promise<Visited> {
  const beganMs = nowMs();
  const { protocol } = wishesFor(mistake, read);
  try {
    const finding = await visit(mistake, read, mostSeeds, () => {
      tell({ kind: 'run' });
    });
    return { ...finding, protocol, tookMs: nowMs() - beganMs };
  } catch (error) {
    if (!(error instanceof Inapplicable) && !(error instanceof NotSimulated)) throw error;
    const kind = error instanceof Inapplicable ? 'inapplicable' : 'not simulated';
    const nothing = { protocol, caught: undefined, runs: 0, simulatedMs: 0, tookMs: nowMs() - beganMs };
    return { ...nothing, obstacle: { kind, message: error.message } };
  }
}

function tell(message: TourMessage): void {
  parentPort?.postMessage(message);
}

setInterval(() => parentPort?.postMessage(ALIVE), ALIVE_EVERY_MS);

/* A thread that visits the mistakes it is sent. One that cannot be visited at all ends the thread with the error. */
parentPort?.on('message', (mistake: Mistake) => {
  void visitMistake(mistake).then((visited) => {
    tell({ kind: 'visited', visited });
  });
});
