/** The servers of a cluster in a ring, and the one in use. */
export class Rotation {
  readonly servers: readonly string[];
  #current = 0;

  constructor(servers: readonly string[]) {
    this.servers = servers;
  }

  get current(): string {
    return this.servers[this.#current] ?? '';
  }

  /** Every server once, beginning with the one in use. */
  fromCurrent(): string[] {
    return [...this.servers.slice(this.#current), ...this.servers.slice(0, this.#current)];
  }

  /** Turns to the next server, unless another operation has left this one already. */
  leave(server: string): void {
    if (this.current === server) this.#current = (this.#current + 1) % this.servers.length;
  }

  /** Turns to this server, one of the ring. */
  protected turnTo(server: string): void {
    this.#current = Math.max(0, this.servers.indexOf(server));
  }
}
