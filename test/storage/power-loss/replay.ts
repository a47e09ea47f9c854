import type { Change, Random } from '../../../src/core/environment';
import type { Json } from '../../../src/core/json';
import { SeededRandom } from '../../../src/core/random';
import { loadMutant, type Edit } from '../../../src/simulation/museum/mutant';
import type { JournaledStorage } from '../../../src/storage/journaled-storage';
import { applyTo, ModelDisk, ModelProcess } from './model-disk';

type State = ReadonlyMap<string, Json>;

/** What is on a disk may be the state after any write from `sure` on: earlier ones were acknowledged. */
interface History {
  /** After so many writes. */
  readonly states: State[];
  sure: number;
}

export interface Tally {
  /** States of the disk that a power loss could leave, each opened again. */
  states: number;
  writes: number;
  folds: number;
  processes: number;
  failedSyncs: number;
}

interface Run {
  readonly random: Random;
  readonly tally: Tally;
  readonly Storage: typeof JournaledStorage;
  /** States that a power loss left, to go on from. */
  readonly later: { readonly disk: ModelDisk; readonly history: History }[];
}

class Violation extends Error {}

/** The shipped code with small files, so that journals turn and fold every few writes; and with a mistake, if any. */
export function loadStorage(mistake: readonly Edit[] = []): typeof JournaledStorage {
  const size = (file: string, find: string, replace: string): Edit => ({
    file: `storage/${file}.ts`,
    find,
    replace,
  });
  const [module] = loadMutant(
    ['storage/journaled-storage.ts'],
    [
      size('journaled-storage', 'JOURNAL_BYTES = 4 * 1024 * 1024;', 'JOURNAL_BYTES = 1800;'),
      size('journaled-storage', 'FOLD_CHANGES = 500;', 'FOLD_CHANGES = 2;'),
      size('journal-file', 'ROOM_BYTES = 256 * 1024;', 'ROOM_BYTES = 600;'),
      size('journal-file', 'MARGIN_BYTES = 64 * 1024;', 'MARGIN_BYTES = 200;'),
      ...mistake,
    ],
  ) as [{ JournaledStorage: typeof JournaledStorage }];
  return module.JournaledStorage;
}

/** Some processes, one after the other, on disks that lose power at every event of each. Rejects with a Violation. */
async function replay(seed: number, Storage: typeof JournaledStorage, tally: Tally): Promise<void> {
  const random = new SeededRandom(seed);
  const run: Run = { random, tally, Storage, later: [] };
  const disk = new ModelDisk();
  const history: History = { states: [new Map()], sure: 0 };
  for (let processes = random.int(2, 4); processes > 0; processes--) await live(run, disk, history);
  for (const left of run.later.slice(0, 4)) await live({ ...run, later: [] }, left.disk, left.history);
}

/** The first violation among the runs of these seeds, if any. */
export async function firstViolation(
  Storage: typeof JournaledStorage,
  seeds: number,
  tally: Tally = newTally(),
): Promise<{ readonly seed: number; readonly message: string } | undefined> {
  for (let seed = 1; seed <= seeds; seed++) {
    try {
      await replay(seed, Storage, tally);
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      return { seed, message: error.message };
    }
  }
  return undefined;
}

export function newTally(): Tally {
  return { states: 0, writes: 0, folds: 0, processes: 0, failedSyncs: 0 };
}

function open({ random, Storage, tally }: Run, disk: ModelDisk): [ModelProcess, JournaledStorage] {
  const process = new ModelProcess(disk, random);
  tally.processes++;
  try {
    return [process, new Storage('/data', process.database, process)];
  } catch (error) {
    if (error instanceof Violation) throw error;
    throw new Violation(`it does not open: ${(error as Error).message}`);
  }
}

/** After how many writes this is the state. Throws a Violation unless that is a state that may be. */
function writesIn(storage: JournaledStorage, { states, sure }: History): number {
  const found = new Map(storage.read());
  const writes = (found.get('writes') ?? 0) as number;
  if (writes < sure) throw new Violation(`after write ${sure} was acknowledged, write ${writes} is the last`);
  const state = states[writes];
  const text = (map: State): string => JSON.stringify([...map].sort(([a], [b]) => (a < b ? -1 : 1)));
  if (state === undefined || text(found) !== text(state))
    throw new Violation(
      `half of a write, or some of several: ${text(found)}, not ${text(state ?? new Map())}`,
    );
  return writes;
}

/** One process: it opens what is there, writes, and ends by a kill, a failed sync, or in good order. */
async function live(run: Run, disk: ModelDisk, history: History): Promise<void> {
  const { random, tally } = run;
  disk.onEvent = () => {
    for (let sample = 0; sample < 3; sample++) losePower(run, disk, history);
  };
  const [process, storage] = open(run, disk);
  // What a process has found when it opened, it answers with: from then on it must stay.
  history.sure = writesIn(storage, history);
  history.states.length = history.sure + 1;
  disk.onEvent();
  const failsAt = random.chance(0.4) ? random.int(0, 30) : undefined;
  const end = { isFailed: false };
  void storage.failed.then(() => {
    end.isFailed = true;
    tally.failedSyncs++;
  });
  for (let n = random.int(5, 40); n > 0; n--) {
    if (n === failsAt) disk.failsNextSync = true;
    const written = write(run, storage, history);
    if (random.chance(0.5)) await Promise.race([written, storage.failed]);
  }
  if (random.chance(0.2) && !end.isFailed) await Promise.race([storage.close(), storage.failed]);
  process.kill();
  tally.folds += disk.folds;
  disk.folds = 0;
  disk.failsNextSync = false;
  disk.transactions.length = 0;
  disk.onEvent = () => undefined;
}

function write({ random, tally }: Run, storage: JournaledStorage, history: History): Promise<void> {
  const number = history.states.length;
  const changes: Change[] = [{ key: 'writes', value: number }];
  for (let more = random.int(0, 3); more > 0; more--) {
    const value = 'x'.repeat(random.chance(0.05) ? random.int(300, 900) : random.int(0, 60));
    changes.push({ key: `key ${random.int(0, 5)}`, value: random.chance(0.2) ? undefined : value });
  }
  const state = new Map(history.states.at(-1));
  applyTo(state, changes);
  history.states.push(state);
  tally.writes++;
  return storage.write(changes).then(
    () => {
      history.sure = Math.max(history.sure, number);
    },
    () => undefined,
  );
}

function losePower(run: Run, disk: ModelDisk, history: History): void {
  const left = disk.afterPowerLoss(run.random);
  const goesOn = run.random.chance(0.005);
  const copy = goesOn ? left.afterPowerLoss(run.random) : undefined;
  run.tally.states++;
  const [process, storage] = open(run, left);
  const writes = writesIn(storage, history);
  process.kill();
  if (copy !== undefined)
    run.later.push({
      disk: copy,
      history: { states: history.states.slice(0, writes + 1), sure: history.sure },
    });
}
