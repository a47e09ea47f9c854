import { parseArgs } from 'node:util';
import { MISTAKES } from './power-loss/mistakes';
import { firstViolation, loadStorage, newTally } from './power-loss/replay';

/** Opens the journals from states that a power loss could leave; then the same with each known mistake in the code. */
export async function main(): Promise<number> {
  const { values } = parseArgs({ options: { seeds: { type: 'string', default: '300' } } });
  const seeds = Number(values.seeds);
  const say = (text: string): unknown => process.stdout.write(`${text}\n`);
  const tally = newTally();
  const found = await firstViolation(loadStorage(), seeds, tally);
  const { states, writes, folds, failedSyncs } = tally;
  say(
    `power loss, seeds 1..${seeds}: ${states} states after ${writes} writes, ${folds} folds, ${failedSyncs} failed syncs`,
  );
  say(found === undefined ? 'violations: 0' : `violation with seed ${found.seed}: ${found.message}`);
  let missed = 0;
  for (const { name, edits } of MISTAKES) {
    const caught = await firstViolation(loadStorage(edits), seeds);
    if (caught === undefined) missed++;
    say(`${caught === undefined ? 'MISSED' : `caught by seed ${caught.seed}`}: ${name}`);
  }
  say(`${MISTAKES.length} mistakes, ${missed} missed`);
  return found === undefined && missed === 0 ? 0 : 1;
}
