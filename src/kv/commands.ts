/** Which write of which client this is. The same one takes effect once, however often it is chosen. */
export type Session = {
  readonly client: string;
  /** From 1; a new one for each write of the client. */
  readonly sequence: number;
  /** The session epoch that the client knew when it began to write under its name; left out: 0. A retry carries the same. */
  readonly epoch?: number;
};

/** What a client asks for. `session` null: a write that is sent once and never again. */
export type Write =
  | { readonly op: 'put'; readonly key: string; readonly value: string; readonly session: Session | null }
  | { readonly op: 'delete'; readonly key: string; readonly session: Session | null }
  | {
      readonly op: 'compareAndSet';
      readonly key: string;
      /** Null stands for absent. */
      readonly expect: string | null;
      readonly value: string | null;
      readonly session: Session | null;
    };

/** Ends this session epoch, if it is the current one. Whatever the order of other commands, all are ordered against it. */
export type Forget = { readonly op: 'forget'; readonly epoch: number; readonly session: null };

export type Command = Write | Forget;

/** `slot` is where the write was decided: of a repeated write, where it was decided first. */
export type WriteResult =
  | { readonly op: 'put'; readonly replaced: boolean; readonly slot: number }
  | { readonly op: 'delete'; readonly deleted: boolean; readonly slot: number }
  | {
      readonly op: 'compareAndSet';
      readonly swapped: boolean;
      readonly actual: string | null;
      readonly slot: number;
    };

/**
 * The write cannot be told from one that was carried out before, so nothing was changed; nor will it be when the same
 * write is chosen again, unless its epoch is not reached yet. `epoch` is the current one.
 * - `sequence`: its result is not kept, or its sequence lies too far behind its client's newest;
 * - `epoch`: its session began in an epoch too far back, and is forgotten.
 */
export type Stale = { readonly op: 'stale'; readonly because: 'sequence' | 'epoch'; readonly epoch: number };

export type Result = WriteResult | Stale | { readonly op: 'forget'; readonly epoch: number };
