import { compareBallots, formatBallot, type Ballot } from '../../core/ballot';
import type { CommandReply } from './messages';
import { SeenNumbers } from './seen-numbers';

const KEPT_REPLIES = 10_000;
/** Far more than a cluster has servers: only those of old terms go. */
const KEPT_SENDERS = 100;

/** A call of another server, which may be sent again, doubled by the network and late. */
export interface ProposeCall {
  readonly ballot: Ballot;
  /** `server.incarnation.number`; the number grows. */
  readonly id: string;
  /** From 1 on. Above 1 only where it does no harm that the value is proposed twice. */
  readonly attempt: number;
}

/** What the replies that are no longer kept were for: first attempts of one server under one ballot. */
interface Forgotten {
  readonly ballot: Ballot;
  readonly incarnation: number;
  readonly numbers: SeenNumbers;
}

/**
 * Calls of other servers that propose a value are sent again until they are answered, and the network may double them:
 * the same value is proposed once per ballot and attempt [exactly-once calls: RIFL, Lee et al. 2015, 3].
 *
 * Every reply is final for its attempt, `overloaded` too. If it were not, a duplicate that comes late, when the queue has
 * room again, would be proposed after the client was told that its write surely does not take effect. A retry of the
 * sender is therefore a further attempt: no duplicate is one, since only the sender, with the reply in hand, makes it.
 *
 * When a reply is no longer kept, a first attempt may not be proposed again, so its number is remembered. A further
 * attempt may: its value takes effect once however often it is chosen, and nothing is remembered of it.
 */
export class OnceOnly {
  readonly #replies = new Map<string, Promise<CommandReply>>();
  /** Calls that are answered, in the order of their answers, those before `#oldest` forgotten already. */
  #answered: ProposeCall[] = [];
  #oldest = 0;
  /** By ballot and server, the oldest first. */
  readonly #forgotten = new Map<string, Forgotten>();
  /** Of this ballot and of lower ones no number is known any more. */
  #unknownUpTo: Ballot | undefined;

  /**
   * Proposes the value, unless this attempt was proposed before: then gives the first reply, or `overtaken` if that is
   * not known any more.
   */
  async run(call: ProposeCall, propose: () => Promise<CommandReply>): Promise<CommandReply> {
    const key = keyOf(call);
    const known = this.#replies.get(key);
    if (known !== undefined) return known;
    if (call.attempt === 1 && this.#mayHaveRun(call)) return { kind: 'overtaken' };
    const reply = propose();
    // It is kept for as long as it is waited for: the leader bounds how many wait.
    this.#replies.set(key, reply);
    const settled = await reply;
    // Nothing was proposed and this ballot's leader leads no more, so a repetition gets the same answer anew.
    if (settled.kind === 'not-leading') this.#replies.delete(key);
    else this.#keep(call);
    return settled;
  }

  #keep(call: ProposeCall): void {
    this.#answered.push(call);
    if (this.#answered.length - this.#oldest <= KEPT_REPLIES) return;
    const oldest = this.#answered[this.#oldest++];
    if (this.#oldest > KEPT_REPLIES) {
      this.#answered = this.#answered.slice(this.#oldest);
      this.#oldest = 0;
    }
    if (oldest === undefined) return;
    this.#replies.delete(keyOf(oldest));
    if (oldest.attempt === 1) this.#forget(oldest);
  }

  #mayHaveRun({ ballot, id }: ProposeCall): boolean {
    const { sender, incarnation, number } = partsOf(ballot, id);
    if (this.#unknownUpTo !== undefined && compareBallots(ballot, this.#unknownUpTo) <= 0) return true;
    const forgotten = this.#forgotten.get(sender);
    if (forgotten === undefined) return false;
    // Nobody waits for what an earlier incarnation has asked for.
    if (incarnation !== forgotten.incarnation) return incarnation < forgotten.incarnation;
    return forgotten.numbers.mayHave(number);
  }

  #forget({ ballot, id }: ProposeCall): void {
    const { sender, incarnation, number } = partsOf(ballot, id);
    let forgotten = this.#forgotten.get(sender);
    if (forgotten !== undefined && incarnation < forgotten.incarnation) return;
    if (incarnation !== forgotten?.incarnation) {
      forgotten = { ballot, incarnation, numbers: new SeenNumbers() };
      this.#forgotten.set(sender, forgotten);
      this.#boundSenders();
    }
    forgotten.numbers.add(number);
  }

  #boundSenders(): void {
    if (this.#forgotten.size <= KEPT_SENDERS) return;
    const [oldest] = this.#forgotten;
    if (oldest === undefined) return;
    // Terms of one server follow each other upwards, and so do their answers.
    this.#unknownUpTo = oldest[1].ballot;
    this.#forgotten.delete(oldest[0]);
  }
}

function keyOf({ ballot, id, attempt }: ProposeCall): string {
  return `${formatBallot(ballot)}/${id}/${attempt}`;
}

function partsOf(ballot: Ballot, id: string): { sender: string; incarnation: number; number: number } {
  const [server = '', incarnation = '', number = ''] = id.split('.');
  return {
    sender: `${formatBallot(ballot)}/${server}`,
    incarnation: Number(incarnation),
    number: Number(number),
  };
}
