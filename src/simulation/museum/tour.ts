import type { Wishes } from '../draw';
import { codeWith } from './code';
import type { Mistake } from './exhibit';

/** How a mistake was caught, if it was. */
export interface Finding {
  readonly caught: { readonly seed: number; readonly kind: string; readonly message: string } | undefined;
  /** Runs until it was caught, or all. */
  readonly runs: number;
  readonly simulatedMs: number;
}

/** The runs in which the mistake shows. */
export function wishesFor({ protocol = 'paxos', quorums }: Mistake, read: Wishes['read']): Wishes {
  return { protocol, quorums, read };
}

/** Runs seed after seed, from 1, with the mistake in, until it is caught; `onRun` hears of each. `read`: of all reads, not drawn. */
export async function visit(
  mistake: Mistake,
  read: Wishes['read'],
  mostSeeds: number,
  onRun: () => void = () => undefined,
): Promise<Finding> {
  const code = codeWith(mistake);
  const wishes = wishesFor(mistake, read);
  let simulatedMs = 0;
  for (let seed = 1; seed <= mostSeeds; seed++) {
    const report = await code.runScenario(code.drawScenario(seed, wishes));
    simulatedMs += report.simulatedMs;
    onRun();
    if (report.failure !== undefined) return { caught: { seed, ...report.failure }, runs: seed, simulatedMs };
  }
  return { caught: undefined, runs: mostSeeds, simulatedMs };
}
