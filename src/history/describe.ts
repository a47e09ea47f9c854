import type { Held } from './model';
import type { KeyOperation } from './partition';

const LONGEST_VALUE = 24;

/** A value for people: quoted, shortened; `absent` for none. */
export function showHeld(held: Held): string {
  if (held === null) return 'absent';
  return held === undefined ? 'a value that nothing here shows' : showText(held);
}

export function showText(text: string): string {
  const short = text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}…` : text;
  return JSON.stringify(short);
}

/** What was asked, and what was answered: `get x -> "1"`. */
export function describe(operation: KeyOperation): string {
  const { request, outcome } = operation;
  const answer = describeAnswer(operation);
  const asked = describeRequest(operation);
  if (operation.isOngoing === true) return `${asked} (still going on)`;
  if (outcome !== 'ok') return `${asked} (${outcome === 'fail' ? 'failed' : 'outcome unknown'})`;
  return request.op === 'get' ? `${asked} -> ${answer}` : asked + (answer === '' ? '' : ` (${answer})`);
}

function describeRequest({ request, isPartOfList }: KeyOperation): string {
  const key = showKey(request.key);
  switch (request.op) {
    case 'get':
      return `${isPartOfList === true ? 'list, get' : 'get'} ${key}`;
    case 'put':
      return `put ${key} = ${showText(request.value)}`;
    case 'delete':
      return `delete ${key}`;
    case 'compareAndSet':
      return `compareAndSet ${key} from ${showHeld(request.expect)} to ${showHeld(request.value)}`;
  }
}

function describeAnswer({ request, response = {} }: KeyOperation): string {
  const told = (what: boolean | undefined, yes: string, no: string): string =>
    what === undefined ? '' : what ? yes : no;
  switch (request.op) {
    case 'get':
      return response.value === undefined ? 'something' : showHeld(response.value);
    case 'put':
      return told(response.replaced, 'replaced a value', 'the key was absent');
    case 'delete':
      return told(response.deleted, 'there was a value', 'the key was absent');
    case 'compareAndSet': {
      const actual = response.actual === undefined ? '' : `, found ${showHeld(response.actual)}`;
      return told(response.swapped, 'swapped', 'not swapped') + actual;
    }
  }
}

/** Keys that read like a word stand as they are. */
export function showKey(key: string): string {
  return /^[\w./:-]{1,40}$/.test(key) ? key : showText(key);
}

/** What its answer says that it found: undefined when it does not tell. */
export function foundBy({ request, outcome, response = {} }: KeyOperation): Held {
  if (outcome !== 'ok') return undefined;
  switch (request.op) {
    case 'get':
      return response.value;
    case 'put':
      return response.replaced === false ? null : undefined;
    case 'delete':
      return response.deleted === false ? null : undefined;
    case 'compareAndSet':
      return response.actual === undefined && response.swapped === true ? request.expect : response.actual;
  }
}

/** What it left in the store, or may have: undefined for nothing. */
export function leftBy({ request, outcome, response = {} }: KeyOperation): Held {
  switch (request.op) {
    case 'get':
      return undefined;
    case 'put':
      return request.value;
    case 'delete':
      return null;
    case 'compareAndSet': {
      if (outcome !== 'ok') return request.value;
      const swapped =
        response.swapped ?? (response.actual === undefined || response.actual === request.expect);
      return swapped ? request.value : undefined;
    }
  }
}

/** What the key holds after this operation. */
export function heldAfter(held: Held, operation: KeyOperation): Held {
  const { request } = operation;
  if (request.op === 'compareAndSet') return held === request.expect ? request.value : held;
  const left = leftBy(operation);
  return left === undefined ? held : left;
}
