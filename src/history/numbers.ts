import type { AnomalyName } from './anomaly';
import type { History, Operation } from './history';
import type { WrongAnswer } from './partition';

export interface WrongNumber {
  readonly name: AnomalyName;
  readonly answer: WrongAnswer;
}

/**
 * Holds the numbers of the answers against each other, across keys: `applied` of one server never goes back, a
 * linearizable read has applied every slot acknowledged before it began, and no slot is that of two writes. A write that
 * was sent twice is answered with its first slot, so slots need not grow in the order of time.
 */
export function findWrongNumber({ operations }: History): WrongNumber | undefined {
  const answered = operations.filter(({ outcome }) => outcome === 'ok');
  const twice = findSlotGivenTwice(answered);
  if (twice !== undefined) return twice;
  const ends = [...answered].sort((a, b) => a.ended - b.ended);
  const known = new Known();
  let next = 0;
  for (const operation of [...answered].sort((a, b) => a.invoked - b.invoked)) {
    for (; (ends[next]?.ended ?? Infinity) < operation.invoked; next++) known.learn(ends[next]);
    const wrong = known.judge(operation);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

/** The highest numbers in the answers up to some moment. */
class Known {
  readonly #appliedBy = new Map<string, Operation>();
  #lastSlot: Operation | undefined;

  learn(operation: Operation | undefined): void {
    const { server, response } = operation ?? {};
    if ((response?.slot ?? -1) > (this.#lastSlot?.response?.slot ?? -1)) this.#lastSlot = operation;
    if (operation === undefined || server === undefined || response?.applied === undefined) return;
    const before = this.#appliedBy.get(server)?.response?.applied ?? -1;
    if (response.applied > before) this.#appliedBy.set(server, operation);
  }

  judge(operation: Operation): WrongNumber | undefined {
    const { request, response, server } = operation;
    const applied = response?.applied;
    if (applied === undefined) return undefined;
    const earlier = server === undefined ? undefined : this.#appliedBy.get(server);
    const shown = earlier?.response?.applied ?? applied;
    if (earlier !== undefined && shown > applied) {
      const reason = `server ${server ?? ''} had applied the log up to slot ${applied}, but up to ${shown} when it answered operation ${earlier.id}, which had ended before`;
      return { name: 'read that goes back in time', answer: { operation, reason } };
    }
    const slot = this.#lastSlot?.response?.slot ?? applied;
    if (this.#lastSlot === undefined || slot <= applied || !isLinearizable(request)) return undefined;
    const reason = `its server had applied the log up to slot ${applied} only, but the write in slot ${slot} (operation ${this.#lastSlot.id}) had been acknowledged before it began`;
    return { name: 'stale read', answer: { operation, reason } };
  }
}

function isLinearizable(request: Operation['request']): boolean {
  return 'read' in request && request.read === 'linearizable';
}

function findSlotGivenTwice(answered: readonly Operation[]): WrongNumber | undefined {
  const bySlot = new Map<number, Operation>();
  for (const operation of answered) {
    const slot = operation.response?.slot;
    if (slot === undefined) continue;
    const first = bySlot.get(slot);
    if (first !== undefined) {
      const reason = `its slot is ${slot}, which is that of operation ${first.id} of ${first.client} too`;
      return { name: 'slot given twice', answer: { operation, reason } };
    }
    bySlot.set(slot, operation);
  }
  return undefined;
}
