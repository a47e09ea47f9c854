import type { Wishes } from '../../simulation/draw';
import { codeWith, exhibitOf, SHIPPED, type Code } from '../../simulation/museum/code';
import type { RunFigures } from '../../simulation/summary';

/** What a worker is to run. */
export interface Job {
  readonly wishes: Wishes;
  /** The exhibit to put in, by its id. */
  readonly exhibit?: string | undefined;
}

/** A seed was run; it took so long on the wall's clock. */
export interface Done {
  readonly figures: RunFigures;
  readonly tookMs: number;
}

export function codeOf(id: string | undefined): Code {
  const exhibit = id === undefined ? undefined : exhibitOf(id);
  return exhibit === undefined ? SHIPPED : codeWith(exhibit);
}

/** Runs one seed after the other, as asked. */
export function runner({ wishes, exhibit }: Job): (seed: number) => Promise<Done> {
  const code = codeOf(exhibit);
  const now = performance.now.bind(performance);
  return async (seed) => {
    const beganMs = now();
    const report = await code.runScenario(code.drawScenario(seed, wishes));
    const tookMs = now() - beganMs;
    return { figures: { ...report, history: undefined }, tookMs };
  };
}
