/** Numbers this far below the highest are known one by one: more than a server makes while one of its calls is repeated. */
const WINDOW = 2 ** 18;
const BITS = 32;

/** Which numbers were seen, in a ring of bits of a fixed size [RFC 6479]. They grow, but may come out of order. */
export class SeenNumbers {
  readonly #words = new Uint32Array(WINDOW / BITS);
  #highest = 0;

  add(number: number): void {
    if (number <= this.#highest - WINDOW) return;
    // What the ring says of these places is of numbers that leave the window now.
    const firstNew = Math.max(this.#highest + 1, number - WINDOW + 1);
    for (let next = firstNew; next <= number; next++) this.#set(next, false);
    this.#highest = Math.max(this.#highest, number);
    this.#set(number, true);
  }

  /** True for each that was added, false for each within the window that was not. */
  mayHave(number: number): boolean {
    if (number > this.#highest) return false;
    if (number <= this.#highest - WINDOW) return true;
    return (this.#wordOf(number) & bitOf(number)) !== 0;
  }

  #set(number: number, isSeen: boolean): void {
    const others = this.#wordOf(number) & ~bitOf(number);
    this.#words[placeOf(number)] = isSeen ? others | bitOf(number) : others;
  }

  #wordOf(number: number): number {
    return this.#words[placeOf(number)] ?? 0;
  }
}

function placeOf(number: number): number {
  return Math.floor((number % WINDOW) / BITS);
}

function bitOf(number: number): number {
  return 1 << (number % BITS);
}
