import type { Session, Write, WriteResult } from '../kv/commands';
import { WINDOW } from '../kv/sessions';

interface Client {
  opened: number;
  lastEpoch: number;
  highest: number;
}

/** What a write that no store may carry out gives. `due`: its result was told before, and may be told again. */
export type Verdict =
  | { readonly kind: 'new' }
  | { readonly kind: 'stale'; readonly because: 'sequence' | 'epoch' }
  | { readonly kind: 'known'; readonly first: WriteResult }
  /** By the rule it counts as new, but it took effect before: the rule is wrong. */
  | { readonly kind: 'twice'; readonly first: WriteResult };

/** Who is remembered, told in the plainest way: it keeps all clients and results for ever, and computes who is forgotten. */
export class SessionModel {
  readonly #clients = new Map<string, Client>();
  readonly #first = new Map<string, WriteResult>();
  #epoch = 0;

  get epoch(): number {
    return this.#epoch;
  }

  /** The result of the write when it took effect, if it did. */
  firstOf(session: Session): WriteResult | undefined {
    return this.#first.get(nameOf(session));
  }

  forget(epoch: number): void {
    if (epoch === this.#epoch) this.#epoch++;
  }

  judge(session: Session): Verdict {
    const { client, sequence, epoch = 0 } = session;
    const first = this.firstOf(session);
    const known = this.#known(client);
    if (epoch > this.#epoch || epoch < (known?.opened ?? this.#epoch - 1))
      return { kind: 'stale', because: 'epoch' };
    if (known === undefined) return first === undefined ? { kind: 'new' } : { kind: 'twice', first };
    if (sequence <= known.highest - WINDOW) return { kind: 'stale', because: 'sequence' };
    return first === undefined ? { kind: 'new' } : { kind: 'known', first };
  }

  /** Whether no store will ever carry the write out, nor tell what it gave. */
  isForgotten(session: Session, write: Write): boolean {
    const verdict = this.judge(session);
    return verdict.kind === 'stale' || (verdict.kind === 'known' && mayBeLarge(write, verdict.first));
  }

  /** The write takes effect now. */
  took({ client, sequence, epoch = 0 }: Session, result: WriteResult): void {
    const known = this.#known(client) ?? { opened: epoch, lastEpoch: 0, highest: 0 };
    this.#clients.set(client, known);
    known.lastEpoch = this.#epoch;
    known.highest = Math.max(known.highest, sequence);
    this.#first.set(nameOf({ client, sequence }), result);
  }

  #known(client: string): Client | undefined {
    const known = this.#clients.get(client);
    return known !== undefined && known.lastEpoch >= this.#epoch - 1 ? known : undefined;
  }
}

/** One write of one client, whatever epoch it names: its client takes it for one. */
export function nameOf({ client, sequence }: Session): string {
  return `${client}#${sequence}`;
}

/** Whether its result may have been too large to be kept. */
export function mayBeLarge(write: Write, first: WriteResult): boolean {
  return write.op === 'compareAndSet' && first.op === 'compareAndSet' && !first.swapped;
}
