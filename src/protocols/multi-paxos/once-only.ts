import type { CommandReply } from './messages';

/** Replies that are kept. A call that is repeated later than that gets no answer that says anything. */
const KEPT = 10_000;

/**
 * Calls of other servers that propose a value are sent again until they are answered, and the network may double them:
 * the same value is proposed once. An id ends with a
 * number that grows, and begins with whose number that is: `ballot/server.incarnation.number`.
 */
export class OnceOnly {
  readonly #replies = new Map<string, Promise<CommandReply>>();
  /** Ids in the order in which they came, those before `#oldest` dropped already. */
  #order: string[] = [];
  #oldest = 0;
  /** By maker: the highest number whose reply is dropped. */
  readonly #dropped = new Map<string, number>();

  /** Proposes the value, unless it was proposed before: then gives the first reply, or `overtaken` if that is not known. */
  async run(id: string, propose: () => Promise<CommandReply>): Promise<CommandReply> {
    const known = this.#replies.get(id);
    if (known !== undefined) return known;
    const { maker, number } = partsOf(id);
    if (number <= (this.#dropped.get(maker) ?? 0)) return { kind: 'overtaken' };
    const reply = propose();
    this.#replies.set(id, reply);
    this.#order.push(id);
    if (this.#order.length - this.#oldest > KEPT) this.#dropOldest();
    const settled = await reply;
    // Not proposed, and its leader leads no more: the value may come again under another ballot.
    if (settled.kind === 'not-leading') this.#replies.delete(id);
    return settled;
  }

  #dropOldest(): void {
    const id = this.#order[this.#oldest++];
    if (this.#oldest > KEPT) {
      this.#order = this.#order.slice(this.#oldest);
      this.#oldest = 0;
    }
    if (id === undefined || !this.#replies.delete(id)) return;
    const { maker, number } = partsOf(id);
    this.#dropped.set(maker, Math.max(this.#dropped.get(maker) ?? 0, number));
  }
}

function partsOf(id: string): { maker: string; number: number } {
  const end = id.lastIndexOf('.');
  return { maker: id.slice(0, end), number: Number(id.slice(end + 1)) };
}
