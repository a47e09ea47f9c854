import type { ApiResult } from '../api/methods';
import type { ServerId, Slot } from '../core/ballot';
import type { Observer } from './observer';

type Status = Pick<ApiResult<'cluster.status'>, 'applied' | 'highestChosen' | 'floor' | 'digest'>;

/** Holds what servers tell of themselves against what they and others told before. */
export class StatusObserver {
  readonly #observer: Observer;
  readonly #latest = new Map<ServerId, { readonly incarnation: number; readonly status: Status }>();
  readonly #digests = new Map<Slot, string>();

  constructor(observer: Observer) {
    this.#observer = observer;
  }

  /** The server answers with this status, in its incarnation of this number. */
  told(server: ServerId, incarnation: number, status: Status): void {
    const before = this.#latest.get(server);
    this.#latest.set(server, { incarnation, status });
    const { applied, highestChosen, floor, digest } = status;
    if (before?.incarnation === incarnation)
      for (const position of ['applied', 'highestChosen', 'floor'] as const)
        if (status[position] < before.status[position])
          this.#observer.fail(
            'status goes back',
            `server ${server}: ${position} ${status[position]} after ${before.status[position]}`,
          );
    if (applied > highestChosen || floor > applied + 1)
      this.#observer.fail(
        'impossible status',
        `server ${server}: applied ${applied}, highest chosen ${highestChosen}, floor ${floor}`,
      );
    const known = this.#digests.get(applied) ?? digest;
    this.#digests.set(applied, known);
    if (known !== digest)
      this.#observer.fail('states differ', `digests of server ${server} and another after slot ${applied}`);
  }
}
