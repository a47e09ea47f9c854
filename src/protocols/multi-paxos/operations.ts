import { Admission, type AdmissionLimits } from '../../core/admission';
import type { Slot } from '../../core/ballot';
import type { Environment } from '../../core/environment';
import { OperationError } from '../../core/errors';
import type { Expectation } from '../log/learner';
import { sizeOf } from '../log/log';
import type { Value } from '../log/messages';
import type { Requests, RequestOptions } from './requests';

export interface OperationOptions extends AdmissionLimits, RequestOptions {}

/** What operations need of the own learner. */
export interface Results<Result> {
  readonly applied: Slot;
  expect(id: string): Expectation<Result>;
  until(reached: () => boolean, delayMs: number): Promise<void>;
}

/** The operations that clients ask of this server, from admission to their result. */
export class Operations<Result> {
  readonly #environment: Environment;
  readonly #learner: Results<Result>;
  readonly #requests: Requests;
  readonly #options: OperationOptions;
  readonly #admission: Admission;

  constructor(parts: {
    environment: Environment;
    learner: Results<Result>;
    requests: Requests;
    options: OperationOptions;
  }) {
    this.#environment = parts.environment;
    this.#learner = parts.learner;
    this.#requests = parts.requests;
    this.#options = parts.options;
    this.#admission = new Admission(parts.environment.clock, parts.options);
  }

  /** Operations under way and waiting. */
  get pending(): number {
    return this.#admission.pending;
  }

  /** Has the value chosen and gives its result when it is applied here. */
  async submit(value: Value, timeoutMs: number, isRepeatable: boolean): Promise<Result> {
    const { clock } = this.#environment;
    const deadline = clock.now() + timeoutMs;
    const weight = sizeOf(value);
    await this.#admission.enter(deadline, weight);
    const expectation = this.#learner.expect(value.id);
    try {
      return await this.#decide(value, expectation, deadline, isRepeatable);
    } finally {
      expectation.cancel();
      this.#admission.leave(weight, deadline);
    }
  }

  /** Resolves when the local state holds every command that was answered before this call. */
  async readBarrier(timeoutMs: number): Promise<void> {
    const { clock } = this.#environment;
    const deadline = clock.now() + timeoutMs;
    const index = await this.#requests.readIndex(deadline);
    if (index === undefined) throw new OperationError('no-quorum', 'no leader confirmed the read in time');
    await this.#learner.until(() => this.#learner.applied >= index, Math.max(0, deadline - clock.now()));
    if (this.#learner.applied < index)
      throw new OperationError('no-quorum', `this server could not get level with slot ${index} in time`);
  }

  async #decide(
    value: Value,
    expectation: Expectation<Result>,
    deadline: number,
    isRepeatable: boolean,
  ): Promise<Result> {
    const { clock } = this.#environment;
    const leftMs = (): number => Math.max(0, deadline - clock.now());
    let attempt = 1;
    let proposed = await this.#requests.propose(value, deadline, attempt);
    if (proposed.kind === 'overloaded')
      throw new OperationError('overloaded', 'too many commands wait at the leader');
    if (proposed.kind === 'unreachable')
      throw new OperationError('no-quorum', 'no leader took the command in time');
    // Where a command takes effect once however often it is chosen, it need not be known whether a lost leader proposed it.
    while (proposed.kind !== 'chosen' && isRepeatable && leftMs() > 0) {
      await this.#learner.until(() => expectation.outcome !== undefined, this.#options.requestResendMs);
      if (expectation.outcome !== undefined) return expectation.outcome.result;
      proposed = await this.#requests.propose(value, deadline, ++attempt);
    }
    const slot = proposed.kind === 'chosen' ? proposed.slot : Infinity;
    const isOver = (): boolean => expectation.outcome !== undefined || this.#learner.applied >= slot;
    await this.#learner.until(isOver, leftMs());
    if (expectation.outcome !== undefined) return expectation.outcome.result;
    if (proposed.kind !== 'chosen')
      throw new OperationError('outcome-unknown', 'the leader was lost before it told the outcome');
    const why =
      this.#learner.applied >= slot ? 'its result was lost to a snapshot' : 'it was not applied in time';
    throw new OperationError('outcome-unknown', `the write was chosen in slot ${slot}, but ${why}`);
  }
}
