import { randomInt } from 'node:crypto';

/** The seed in `SEED`, or a new one. Prints it with the command that repeats it. */
export function seedOf(command: string): number {
  const given = process.env['SEED'];
  const seed = given === undefined ? randomInt(2 ** 32) : Number(given);
  process.stderr.write(`seed ${seed}; repeat with: SEED=${seed} ${command}\n`);
  return seed;
}
