import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

interface Use {
  /** Requests that are not answered yet. */
  unanswered: number;
  isUpgraded: boolean;
}

/** From so many on, a new connection takes the place of an older one. */
const CROWDED = 4000;
/** A share of all, which make way when the process has no descriptor left. */
const MAKE_WAY = 0.1;

/** The open connections of a server, upgraded ones too, which Node's own list leaves out. */
export class Connections {
  /** By when they were last used, the longest ago first. */
  readonly #uses = new Map<Duplex, Use>();

  get size(): number {
    return this.#uses.size;
  }

  add(connection: Duplex): void {
    if (this.#uses.size >= CROWDED) this.#end(1);
    this.#uses.set(connection, { unanswered: 0, isUpgraded: false });
    connection.once('close', () => this.#uses.delete(connection));
  }

  /** A request has begun; its connection is in use until it is answered. */
  begin(connection: Duplex, response: ServerResponse): void {
    const use = this.#uses.get(connection);
    if (use === undefined) return;
    use.unanswered++;
    response.once('close', () => {
      use.unanswered--;
      if (this.#uses.delete(connection) && !connection.destroyed) this.#uses.set(connection, use);
    });
  }

  /** From here on it is a peer's, which no crowd of clients pushes out. */
  upgraded(connection: Duplex): void {
    const use = this.#uses.get(connection);
    if (use !== undefined) use.isUpgraded = true;
  }

  /** Ends those of which nobody waits for anything, for as long as they are needed elsewhere. */
  makeWay(): void {
    this.#end(Math.ceil(this.#uses.size * MAKE_WAY));
  }

  /** Ends a connection on which nothing happened for a while: it is idle, or the caller does not take its answer. */
  silent(connection: Duplex): void {
    const use = this.#uses.get(connection);
    const isStuck = connection.writableLength > 0;
    if (use === undefined || use.unanswered === 0 || isStuck) connection.destroy();
  }

  destroyAll(): void {
    for (const connection of this.#uses.keys()) connection.destroy();
  }

  /** Idle ones first, then those in use; the longest unused first. */
  #end(count: number): void {
    const idle: Duplex[] = [];
    const busy: Duplex[] = [];
    for (const [connection, { unanswered, isUpgraded }] of this.#uses) {
      if (isUpgraded || connection.destroyed) continue;
      if (unanswered === 0) idle.push(connection);
      else busy.push(connection);
      if (idle.length === count) break;
    }
    for (const connection of [...idle, ...busy].slice(0, count)) connection.destroy();
  }
}
