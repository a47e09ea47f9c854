/** Seeds for so many runs; SYNOD_SEED=<number> in the environment gives just that one. */
function seeds(runs: number): number[] {
  const only = process.env['SYNOD_SEED'];
  return only === undefined ? Array.from({ length: runs }, (_, i) => i + 1) : [Number(only)];
}

/** Runs once for each seed and gives the number of runs. A failure tells its seed and the command that repeats it. */
export async function forEachSeed(runs: number, run: (seed: number) => Promise<void>): Promise<number> {
  const chosen = seeds(runs);
  for (const seed of chosen) {
    try {
      await run(seed);
    } catch (error) {
      throw new Error(
        `seed ${seed}: ${(error as Error).message}\nRepeat with: SYNOD_SEED=${seed} npx jest test/conformance`,
        { cause: error },
      );
    }
  }
  return chosen.length;
}
