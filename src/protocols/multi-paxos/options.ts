import type { CatchUpOptions } from '../log/catch-up';
import type { LearnerOptions } from '../log/learner';
import { LOG_DEFAULTS } from '../log/options';
import type { AcceptorOptions } from './acceptor';
import type { CandidateOptions } from './candidate';
import type { ElectionOptions } from './election';
import type { FollowerOptions } from './follower';
import type { HandOverOptions } from './hand-over';
import type { LeaderOptions } from './leader';
import type { OperationOptions } from './operations';

export interface MultiPaxosOptions
  extends
    AcceptorOptions,
    CandidateOptions,
    CatchUpOptions,
    ElectionOptions,
    FollowerOptions,
    HandOverOptions,
    LeaderOptions,
    LearnerOptions,
    OperationOptions {
  /** One call to a peer is given up after this long. */
  readonly callTimeoutMs: number;
}

/** For servers on one machine or one local network. */
export const DEFAULT_OPTIONS: MultiPaxosOptions = {
  ...LOG_DEFAULTS,
  callTimeoutMs: 2000,
  heartbeatMs: 100,
  noticeMs: 20,
  electionMinMs: 600,
  electionMaxMs: 1200,
  startStepMs: 50,
  leaderSilenceMs: 600,
  checkQuorumMs: 600,
  candidacyMs: 2000,
  prepareResendMs: 100,
  resendMs: 150,
  phaseTimeoutMs: 1000,
  requestResendMs: 200,
  handOverMs: 500,
  roundsInFlight: 8,
  roundSpacingMs: 50,
  roundSlots: 512,
  roundCharacters: 1024 * 1024,
  maxQueued: 50_000,
  maxRunning: 10_000,
  maxRunningWeight: 4 * 1024 * 1024,
  checkpointSlots: 4096,
  storesChosen: false,
};
