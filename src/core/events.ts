import type { Ballot, ServerId, Slot } from './ballot';

/**
 * What happened in a protocol, in the words of the papers: one stream for the log, the dashboard and the checkers.
 * `server` of the envelope (who reports) is added by whoever reads the stream.
 */
export type ProtocolEvent =
  | { readonly kind: 'prepare-sent'; readonly slot: Slot; readonly ballot: Ballot; readonly attempt: number }
  /** `onwards`: the promise is for all slots. */
  | { readonly kind: 'promised'; readonly slot: Slot; readonly ballot: Ballot; readonly onwards?: true }
  | {
      readonly kind: 'prepare-rejected';
      readonly slot: Slot;
      readonly ballot: Ballot;
      readonly promised: Ballot;
    }
  | {
      readonly kind: 'accept-sent';
      readonly slot: Slot;
      readonly ballot: Ballot;
      readonly value: string;
      readonly adopted: boolean;
    }
  | {
      readonly kind: 'accepted';
      readonly slot: Slot;
      readonly ballot: Ballot;
      readonly value: string;
      readonly onwards?: true;
    }
  | {
      readonly kind: 'accept-rejected';
      readonly slot: Slot;
      readonly ballot: Ballot;
      readonly promised: Ballot;
    }
  | {
      readonly kind: 'phase-failed';
      readonly slot: Slot;
      readonly ballot: Ballot;
      readonly phase: 1 | 2;
      readonly reason: 'rejected' | 'silent';
      readonly backOffMs: number;
    }
  | { readonly kind: 'pre-vote'; readonly ballot: Ballot; readonly won: boolean }
  | {
      readonly kind: 'candidacy';
      readonly ballot: Ballot;
      readonly outcome: 'elected' | 'rejected' | 'silent';
    }
  | { readonly kind: 'elected'; readonly ballot: Ballot; readonly inherited: number; readonly noOps: number }
  | { readonly kind: 'followed'; readonly ballot: Ballot }
  | {
      readonly kind: 'stepped-down';
      readonly ballot: Ballot;
      readonly reason: 'overtaken' | 'no-quorum' | 'stopped';
    }
  | { readonly kind: 'chosen'; readonly slot: Slot; readonly ballot: Ballot; readonly value: string }
  | { readonly kind: 'learned'; readonly slot: Slot; readonly value: string }
  | { readonly kind: 'applied'; readonly slot: Slot; readonly value: string }
  | { readonly kind: 'gap'; readonly from: Slot; readonly to: Slot }
  | {
      readonly kind: 'caught-up';
      readonly from: Slot;
      readonly to: Slot;
      readonly peer: ServerId;
      readonly by: 'entries' | 'snapshot';
    };
