import { isLocal } from './candidates';
import { describe, foundBy, leftBy, showHeld } from './describe';
import type { History } from './history';
import type { Held } from './model';
import type { KeyOperation } from './partition';
import type { Window } from './window';

export type AnomalyName =
  | 'stale read'
  | 'read that goes back in time'
  | 'value from nowhere'
  | 'lost update'
  | 'impossible list'
  | 'torn read'
  | 'slot given twice'
  | 'no possible order';

/** What went wrong, in words. */
export interface Anomaly {
  readonly name: AnomalyName;
  /** One or two sentences. */
  readonly text: string;
  /** The operations that the text is about. */
  readonly ids: readonly number[];
}

/** All that is known about one key, and which answer cannot be. */
export interface Evidence {
  readonly operations: readonly KeyOperation[];
  /** Those on this key that are known to have had no effect. */
  readonly failed: readonly KeyOperation[];
  readonly initial: History['initial'];
  readonly culprit: KeyOperation;
  readonly relaxLocalReads: boolean;
}

type Finder = (evidence: Evidence, found: Held) => Anomaly | undefined;

/** Gives a violation the best known name that surely fits. */
export function nameAnomaly(evidence: Evidence): Anomaly {
  const found = foundBy(evidence.culprit);
  const finders: readonly Finder[] = [fromNowhere, swappedTwice, overwritten, backInTime, shownAgain];
  for (const find of finders) {
    const anomaly = find(evidence, found);
    if (anomaly !== undefined) return anomaly;
  }
  const { culprit } = evidence;
  return {
    name: 'no possible order',
    text: `No order of the operations explains ${told(culprit)} together with what the others were answered.`,
    ids: [culprit.id],
  };
}

/** The same for a violation without a better name yet, with what is known about its smallest part. */
export function nameByWindow(anomaly: Anomaly, window: Window, culprit: KeyOperation): Anomaly {
  const found = foundBy(culprit);
  const { starts, operations } = window;
  const isOld =
    anomaly.name === 'no possible order' &&
    culprit.request.op === 'get' &&
    found !== undefined &&
    starts !== 'any' &&
    !starts.includes(found) &&
    !operations.some((each) => leftBy(each) === found);
  if (!isOld) return anomaly;
  const held = starts.map(showHeld).join(' or ');
  return {
    name: 'stale read',
    text: `${told(culprit)} shows an old value: after all that had ended before, the key could only hold ${held}, and no write since could have brought ${showHeld(found)} back.`,
    ids: anomaly.ids,
  };
}

/** Those that may have left this value before the culprit ended; the first state may have held it too. */
function sourcesOf({ operations, culprit }: Evidence, held: Held): KeyOperation[] {
  return operations.filter(
    (each) => leftBy(each) === held && each.invoked < culprit.ended && each !== culprit,
  );
}

function mayBeInitial({ initial }: Evidence, held: Held): boolean {
  return initial === 'unknown' || held === null;
}

const fromNowhere: Finder = (evidence, found) => {
  const { culprit, failed } = evidence;
  if (found === undefined || mayBeInitial(evidence, found) || sourcesOf(evidence, found).length > 0)
    return undefined;
  const liar = failed.find((each) => leftBy({ ...each, outcome: 'unknown' }) === found);
  const later = evidence.operations.find((each) => leftBy(each) === found && each.invoked > culprit.ended);
  const why =
    liar !== undefined
      ? `the only one who asked for it, ${who(liar)}, was told that it failed`
      : later === undefined
        ? 'nobody ever wrote that'
        : `nobody had asked for that yet: ${who(later)} did so later`;
  return {
    name: 'value from nowhere',
    text: `${told(culprit)} shows ${showHeld(found)}, but ${why}.`,
    ids: [culprit, liar, later].flatMap((each) => each?.id ?? []),
  };
};

const swappedTwice: Finder = (evidence, found) => {
  const { operations, culprit } = evidence;
  if (found === undefined || !hasSwapped(culprit)) return undefined;
  const other = operations.find((each) => each !== culprit && hasSwapped(each) && foundBy(each) === found);
  if (other === undefined || leftBy(other) === found) return undefined;
  const others = sourcesOf(evidence, found).filter((each) => each !== other);
  const begin = Math.min(other.invoked, culprit.invoked);
  if (!others.every(({ ended }) => ended < begin) || others.length > (mayBeInitial(evidence, found) ? 0 : 1))
    return undefined;
  return {
    name: 'lost update',
    text:
      `Two compareAndSet, ${told(other)} and ${told(culprit)}, both swapped the same ${showHeld(found)}, which was ` +
      'there only once: one of the two updates is lost.',
    ids: [other.id, culprit.id],
  };
};

function hasSwapped({ request, outcome, response }: KeyOperation): boolean {
  return request.op === 'compareAndSet' && outcome === 'ok' && response?.swapped === true;
}

const overwritten: Finder = (evidence, found) => {
  const { operations, culprit } = evidence;
  if (found === undefined || (evidence.relaxLocalReads && isLocal(culprit))) return undefined;
  const lastEnd = lastEndOf(evidence, found);
  const newer = operations
    .filter((each) => each.ended < culprit.invoked && overwrites(each, found, lastEnd))
    .sort((a, b) => a.ended - b.ended)
    .at(-1);
  if (newer === undefined) return undefined;
  const left = leftBy(newer) ?? null;
  const isRead = culprit.request.op === 'get';
  const later = operations.filter((each) => each.invoked > newer.ended && foundBy(each) !== undefined);
  const isMissed = !isLocal(culprit) && later.length > 1 && later.every((each) => foundBy(each) !== left);
  const isLost = isMissed && !mayBeFollowed(newer, later, evidence);
  const when = `${who(newer)} had been acknowledged ${sinceWhen(newer, culprit)} it began`;
  if (isRead && !isLost) {
    return {
      name: 'stale read',
      text: `${told(culprit)} shows an old value: ${when}, and no write could have brought ${showHeld(found)} back.`,
      ids: [newer.id, culprit.id],
    };
  }
  const consequence = isLost
    ? ', but no later answer shows its effect. An acknowledged write is lost.'
    : '. It took effect as if that write had not been there.';
  return {
    name: 'lost update',
    text: `${told(culprit)} found ${showHeld(found)}: ${when}${consequence}`,
    ids: [newer.id, culprit.id],
  };
};

/** Whether another write can stand between this one and the answers after it: they may rightly show that one. */
function mayBeFollowed(
  write: KeyOperation,
  answers: readonly KeyOperation[],
  { operations, culprit }: Evidence,
): boolean {
  const lastEnd = answers.reduce((last, { ended }) => Math.max(last, ended), -Infinity);
  return operations.some(
    (each) =>
      each !== write &&
      each !== culprit &&
      leftBy(each) !== undefined &&
      each.ended > write.invoked &&
      each.invoked < lastEnd,
  );
}

/** When the last write that can have left `found` was over. */
function lastEndOf(evidence: Evidence, found: Held): number {
  return sourcesOf(evidence, found).reduce((last, { ended }) => Math.max(last, ended), -Infinity);
}

/** Whether this write, of something else than `found`, began after all that can have left that: its last end. */
function overwrites(write: KeyOperation, found: Held, lastEnd: number): boolean {
  const left = leftBy(write);
  return left !== undefined && left !== found && surelyWrote(write) && lastEnd < write.invoked;
}

function surelyWrote({ request, outcome, response }: KeyOperation): boolean {
  return outcome === 'ok' && (request.op !== 'compareAndSet' || response?.swapped === true);
}

const backInTime: Finder = (evidence, found) => {
  const { operations, culprit, relaxLocalReads } = evidence;
  if (found === undefined) return undefined;
  const isRelaxed = relaxLocalReads && isLocal(culprit);
  const newer = newerThan(evidence, found);
  const before = operations.findLast((each) => {
    const shown = foundBy(each);
    if (shown === undefined || shown === found || each.ended > culprit.invoked) return false;
    if (isRelaxed && !(isLocal(each) && each.server !== undefined && each.server === culprit.server))
      return false;
    return newer.get(shown) === true;
  });
  return before === undefined ? undefined : goesBack(evidence, before, found);
};

/** For each value that something may have left by now: whether all that can have left it overwrote `found`. */
function newerThan(evidence: Evidence, found: Held): Map<Held, boolean> {
  const { operations, culprit } = evidence;
  const lastEnd = lastEndOf(evidence, found);
  const newer = new Map<Held, boolean>();
  for (const source of operations) {
    const left = leftBy(source);
    if (left === undefined || source === culprit || source.invoked >= culprit.ended) continue;
    const isNewer = overwrites({ ...source, outcome: 'ok' }, found, lastEnd);
    newer.set(left, isNewer && newer.get(left) !== false);
  }
  return newer;
}

/** The same value is shown again after another one, though it was written once. */
const shownAgain: Finder = (evidence, found) => {
  const { operations, culprit, relaxLocalReads } = evidence;
  if (found === undefined || (relaxLocalReads && isLocal(culprit))) return undefined;
  if (sourcesOf(evidence, found).length + (mayBeInitial(evidence, found) ? 1 : 0) !== 1) return undefined;
  const answers = operations.filter(
    (each) => foundBy(each) !== undefined && !(relaxLocalReads && isLocal(each)) && each.request.op === 'get',
  );
  const firstEnd = answers
    .filter((each) => foundBy(each) === found)
    .reduce((first, { ended }) => Math.min(first, ended), Infinity);
  const between = answers.find(
    (each) => foundBy(each) !== found && each.ended < culprit.invoked && firstEnd < each.invoked,
  );
  return between === undefined ? undefined : goesBack(evidence, between, found);
};

function goesBack({ culprit, relaxLocalReads }: Evidence, before: KeyOperation, found: Held): Anomaly {
  const isOwn = relaxLocalReads && isLocal(culprit);
  const [shown, older] = [showHeld(foundBy(before)), showHeld(found)];
  const after = sinceWhen(before, culprit)
    .replace(/ ?before$/, ' later')
    .trim();
  return {
    name: culprit.request.op === 'get' ? 'read that goes back in time' : 'lost update',
    text: isOwn
      ? `Server ${culprit.server ?? ''} went back: it had shown ${shown} to ${before.client}, and ${after} ${who(culprit)} shows the older ${older}.`
      : `${told(before)} had shown ${shown} already, and ${after} ${told(culprit)} shows the older ${older} again.`,
    ids: [before.id, culprit.id],
  };
}

/** `"12 ms before"`, as far as times are known. */
function sinceWhen({ endedMs }: KeyOperation, { invokedMs }: KeyOperation): string {
  if (endedMs === undefined || invokedMs === undefined || invokedMs < endedMs) return 'before';
  return `${roundMs(invokedMs - endedMs)} ms before`;
}

function roundMs(milliseconds: number): string {
  return String(Number(milliseconds.toPrecision(3)));
}

function who(operation: KeyOperation): string {
  return `${describe(operation)} by ${operation.client}`;
}

function told(operation: KeyOperation): string {
  const { server, client } = operation;
  return `${describe(operation)} by ${client}${server === undefined ? '' : ` (answered by ${server})`}`;
}
