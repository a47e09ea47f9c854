/** A running 2 x 32 bit hash (FNV-1a, two bases) of numbers and texts. For telling runs apart, not for secrets. */
export class TraceHash {
  #a = 0x811c9dc5;
  #b = 0xcbf29ce4;

  /** Numbers count modulo 2^32, without their fraction. */
  add(number: number): void {
    const word = number | 0;
    this.#a = Math.imul(this.#a ^ word, 0x01000193);
    this.#b = Math.imul(this.#b ^ (word + 0x9e3779b9), 0x01000193) ^ (this.#b >>> 15);
  }

  addText(text: string): void {
    for (let i = 0; i < text.length; i++) this.add(text.charCodeAt(i));
  }

  toString(): string {
    return [this.#a, this.#b].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
  }
}
