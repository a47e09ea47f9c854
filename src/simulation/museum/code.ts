import { drawScenario } from '../draw';
import { runScenario } from '../run';
import type { search } from '../search/search';
import type { Exhibit, Mistake } from './exhibit';
import { EXHIBITS } from './exhibits';
import { loadMutant } from './mutant';

/** A simulator: of the shipped code, or of the code with a mistake in it. */
export interface Code {
  readonly drawScenario: typeof drawScenario;
  readonly runScenario: typeof runScenario;
}

export const SHIPPED: Code = { drawScenario, runScenario };

export function exhibitOf(id: string): Exhibit | undefined {
  return EXHIBITS.find((exhibit) => exhibit.id.toLowerCase() === id.toLowerCase());
}

/** The simulator, all of it loaded once more with the mistake in the sources. */
export function codeWith({ edits }: Mistake): Code {
  const [draw, run] = loadMutant(['simulation/draw.ts', 'simulation/run.ts'], edits) as [Code, Code];
  return { drawScenario: draw.drawScenario, runScenario: run.runScenario };
}

/** The search without time, loaded with the exhibit's mistake. Throws where nothing of it is run by the search. */
export function searchWith(exhibit: Exhibit): typeof search {
  const [module] = loadMutant(['simulation/search/search.ts'], exhibit.edits) as [{ search: typeof search }];
  return module.search;
}
