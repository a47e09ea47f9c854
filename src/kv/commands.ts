/** Which write of which client this is. The same pair takes effect once, however often it is chosen. */
export type Session = {
  readonly client: string;
  /** From 1; a new one for each write of the client. */
  readonly sequence: number;
};

/** `session` null: a write that is sent once and never again. */
export type Command =
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

/** `slot` is where the write was decided: of a repeated write, where it was decided first. */
export type Result =
  | { readonly op: 'put'; readonly replaced: boolean; readonly slot: number }
  | { readonly op: 'delete'; readonly deleted: boolean; readonly slot: number }
  | {
      readonly op: 'compareAndSet';
      readonly swapped: boolean;
      readonly actual: string | null;
      readonly slot: number;
    }
  /** The sequence is too old for its result to be known still. Nothing was changed. */
  | { readonly op: 'stale'; readonly slot: number };
