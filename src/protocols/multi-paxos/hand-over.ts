import type { Clock } from '../../core/environment';
import type { Leader } from './leader';
import type { LeaderService } from './messages';

export interface HandOverOptions {
  /** How long a stopping leader waits for what is under way, and for its successor. */
  readonly handOverMs: number;
  /** Pause before an unanswered request to take over is sent again. */
  readonly heartbeatMs: number;
}

const LOOK_MS = 1;

/**
 * Leaves nobody without a leader for longer than an election takes: the old one finishes what it began, takes nothing
 * new, and asks its successor to campaign at once instead of waiting for silence [Ongaro, 3.10].
 */
export async function handOver(parts: {
  leader: Leader;
  successor: LeaderService;
  /** Then followers promise nothing to the successor before the lease is over, and each heartbeat would renew it. */
  hasLease: boolean;
  clock: Clock;
  options: HandOverOptions;
}): Promise<void> {
  const { leader, successor, hasLease, clock, options } = parts;
  const deadline = clock.now() + options.handOverMs;
  leader.close();
  while (leader.pending > 0 && clock.now() < deadline) await clock.sleep(LOOK_MS);
  if (hasLease) leader.end({ reason: 'stopped' });
  let sentAt = -Infinity;
  while ((hasLease || !leader.hasEnded) && clock.now() < deadline) {
    if (clock.now() - sentAt >= options.heartbeatMs) {
      sentAt = clock.now();
      successor.takeOver({ ballot: leader.ballot }).catch(() => undefined);
    }
    await clock.sleep(LOOK_MS);
  }
  // Whoever wants to lead now shall not be kept from it by a server that is about to go.
  leader.end({ reason: 'stopped' });
}
