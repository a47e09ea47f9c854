import { SESSION_LIMITS, WINDOW } from './sessions';

/**
 * Raised with every change after which the same log gives another state, another result or other records of a snapshot.
 */
const VERSION = 1;

/**
 * Names what a log means: servers apply the same one to the same state only if this is the same. When clients are forgotten
 * is no part of it, since a command of the log says so.
 */
export const STATE_MACHINE = `kv ${VERSION}, window ${WINDOW}, results to ${SESSION_LIMITS.resultCharacters}`;
