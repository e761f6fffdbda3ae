/** A connection that has ended, and whose messages may wait for a busy handler. */
export interface EndedConnection {
  /** The bytes that wait. */
  readonly queuedBytes: number;
}

/** What waits for a busy handler of a client, on connections that have ended. While one is open, reading pauses instead. */
export class Backlog {
  readonly #max: number;
  readonly #connections = new Set<EndedConnection>();

  /** @param max bytes that may wait on connections before the last one */
  constructor(max: number) {
    this.#max = max;
  }

  /** A connection has ended. Returns whether more waits on those before it than may. */
  add(connection: EndedConnection): boolean {
    let bytes = 0;
    for (const { queuedBytes } of this.#connections) bytes += queuedBytes;
    this.#connections.add(connection);
    return bytes > this.#max;
  }

  /** Its last callback has settled. */
  remove(connection: EndedConnection): void {
    this.#connections.delete(connection);
  }
}
