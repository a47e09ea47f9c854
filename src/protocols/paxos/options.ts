import type { CatchUpOptions } from '../log/catch-up';
import type { LearnerOptions } from '../log/learner';
import { LOG_DEFAULTS } from '../log/options';
import type { ProposerOptions } from './proposer';

export interface PaxosOptions extends ProposerOptions, LearnerOptions, CatchUpOptions {
  /** One call to a peer is given up after this long. */
  readonly callTimeoutMs: number;
  /** How long a missed turn may be waited for before it is given away (see Slots). */
  readonly ownHoleMs: number;
  /** Missed turns that are given away at a time. */
  readonly ownHoles: number;
  /** Operations of this server that are proposed at the same time, and the characters of their values. */
  readonly maxRunning: number;
  readonly maxRunningWeight: number;
  /** Operations that wait for their turn, and the characters of their values; more are refused. */
  readonly maxWaiting: number;
  readonly maxWaitingWeight: number;
}

/** For servers on one machine or one local network. */
export const DEFAULT_OPTIONS: PaxosOptions = {
  ...LOG_DEFAULTS,
  callTimeoutMs: 2000,
  resendMs: 50,
  phaseTimeoutMs: 1000,
  backOffBaseMs: 4,
  backOffCapMs: 1000,
  ownHoleMs: 2,
  ownHoles: 32,
  maxRunning: 128,
  maxRunningWeight: 4 * 1024 * 1024,
  checkpointSlots: 1,
  storesChosen: true,
};
