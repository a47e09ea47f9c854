/** What a client asked the store for. */
export type Request =
  | { readonly op: 'get'; readonly key: string; readonly read: ReadLevel }
  | { readonly op: 'put'; readonly key: string; readonly value: string }
  | { readonly op: 'delete'; readonly key: string }
  | {
      readonly op: 'compareAndSet';
      readonly key: string;
      /** Null stands for absent, here and in all other values. */
      readonly expect: string | null;
      readonly value: string | null;
    }
  | {
      readonly op: 'list';
      readonly prefix: string;
      /** Only keys after this one. */
      readonly after?: string | undefined;
      readonly limit: number;
      readonly read: ReadLevel;
    };

/** What a read promises: the state of one server, or never older than any write acknowledged before it. */
export type ReadLevel = 'local' | 'linearizable';

/**
 * What the store answered. A field that the recorder did not learn is left out and constrains nothing. Of a request
 * only the fields that belong to it count: `value` for get, `replaced` for put, `deleted` for delete, `swapped` and
 * `actual` for compareAndSet, `entries` and `more` for list.
 */
export interface Response {
  readonly value?: string | null | undefined;
  readonly replaced?: boolean | undefined;
  readonly deleted?: boolean | undefined;
  readonly swapped?: boolean | undefined;
  readonly actual?: string | null | undefined;
  readonly entries?: readonly { readonly key: string; readonly value: string }[] | undefined;
  readonly more?: boolean | undefined;
  /** Of a write: the slot in which it was decided. */
  readonly slot?: number | undefined;
  /** Of a read: the server had applied all slots up to this one. */
  readonly applied?: number | undefined;
}

/**
 * How an operation ended. `fail`: it surely had no effect and never will. `unknown`: it may have taken effect at any
 * moment since, or may yet, or never; so it stays open to the end of the history. An operation that never ended is
 * unknown too.
 */
export type Outcome = 'ok' | 'fail' | 'unknown';

/** One operation of one client, as the recorder saw it. */
export interface Operation {
  readonly id: number;
  readonly client: string;
  readonly request: Request;
  /** Position of its begin in the order of all events. Only the order means anything. */
  readonly invoked: number;
  /** Position of its end; Infinity for `unknown`. Never equal to another position. */
  readonly ended: number;
  readonly outcome: Outcome;
  /** With `ok` only. */
  readonly response?: Response | undefined;
  /** The server that answered, if known. */
  readonly server?: string | undefined;
  /** Milliseconds since the begin of the recording, for people only. */
  readonly invokedMs?: number | undefined;
  readonly endedMs?: number | undefined;
  /** Why it failed or is unknown, for people. */
  readonly error?: string | undefined;
}

export interface History {
  /** What the store held before the first operation: nothing, or nobody knows what. */
  readonly initial: 'absent' | 'unknown';
  /** In the order of their begins. */
  readonly operations: readonly Operation[];
}

/** What a recorder sees, in order. One line each in a history file (see docs/histories.md). */
export type HistoryEvent =
  | ({
      readonly type: 'invoke';
      readonly id: number;
      readonly client: string;
      readonly timeMs?: number | undefined;
    } & Request)
  | ({
      readonly type: 'ok';
      readonly id: number;
      readonly server?: string | undefined;
      readonly timeMs?: number | undefined;
    } & Response)
  | {
      readonly type: 'fail' | 'unknown';
      readonly id: number;
      readonly error?: string | undefined;
      readonly timeMs?: number | undefined;
    };
