/** The skew that the YCSB benchmarks use. */
const SKEW = 0.99;

/**
 * Ranks 0..count-1 whose frequencies fall as 1 / (rank + 1)^0.99, drawn in constant time after one pass over all ranks
 * [Gray et al., Quickly Generating Billion-Record Synthetic Databases, SIGMOD 1994].
 */
export class Zipf {
  readonly #count: number;
  readonly #zeta: number;
  readonly #zetaOfTwo: number;
  readonly #eta: number;

  constructor(count: number) {
    this.#count = count;
    this.#zeta = 0;
    for (let rank = 1; rank <= count; rank++) this.#zeta += rank ** -SKEW;
    this.#zetaOfTwo = 1 + 2 ** -SKEW;
    this.#eta = (1 - (2 / count) ** (1 - SKEW)) / (1 - this.#zetaOfTwo / this.#zeta);
  }

  /** The rank for `uniform` in [0, 1). */
  rank(uniform: number): number {
    const scaled = uniform * this.#zeta;
    if (scaled < 1 || this.#count === 1) return 0;
    if (scaled < this.#zetaOfTwo || this.#count === 2) return 1;
    const rank = Math.floor(this.#count * (this.#eta * uniform - this.#eta + 1) ** (1 / (1 - SKEW)));
    return Math.min(rank, this.#count - 1);
  }
}
