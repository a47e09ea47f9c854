import type { Faults, Random } from '../core/environment';

/**
 * The classroom's `-f`: each call on this server's acceptor goes unanswered with a probability. A fair coin decides
 * whether the request is lost, or only its answer after the acceptor has acted: a caller cannot tell the two apart.
 */
export class AcceptorFaults implements Faults {
  readonly #random: Random;
  /** 0 to 1. */
  acceptorFailure: number;
  /** Calls left unanswered so far. */
  unanswered = 0;

  constructor(random: Random, acceptorFailure: number) {
    this.#random = random;
    this.acceptorFailure = acceptorFailure;
  }

  loses(service: string): 'request' | 'answer' | undefined {
    if (service !== 'acceptor' || !this.#random.chance(this.acceptorFailure)) return undefined;
    this.unanswered++;
    return this.#random.chance(0.5) ? 'request' : 'answer';
  }
}
