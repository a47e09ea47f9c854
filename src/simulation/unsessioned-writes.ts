interface Counted {
  invoked: number;
  executed: number;
  refused: number;
}

/**
 * Writes without client and sequence, known by what they do alone. Each was sent once: it may take effect once, and
 * not at all where its client was told so. Of equal ones only the numbers can be compared.
 */
export class UnsessionedWrites {
  readonly #counts = new Map<string, Counted>();

  invoked(text: string): void {
    this.#of(text).invoked++;
  }

  /** The write took effect. Gives what is wrong with that, if anything. */
  executed(text: string): string | undefined {
    const counted = this.#of(text);
    counted.executed++;
    if (counted.invoked === 0) return 'nobody asked for it';
    if (counted.executed > counted.invoked) return 'took effect twice';
    return counted.executed > counted.invoked - counted.refused ? 'failed but took effect' : undefined;
  }

  /** Its client takes it that the write surely has no effect. Gives whether it had one. */
  refused(text: string): boolean {
    const counted = this.#of(text);
    counted.refused++;
    return counted.executed > counted.invoked - counted.refused;
  }

  #of(text: string): Counted {
    let counted = this.#counts.get(text);
    if (counted === undefined) this.#counts.set(text, (counted = { invoked: 0, executed: 0, refused: 0 }));
    return counted;
  }
}
