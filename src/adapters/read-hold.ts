import type { ConnectionHandlerType } from "../server/handlers.ts";
import type { WebSocketConnection } from "../server/websocket-connection.ts";

/** A connection, whatever its handler. */
export type AnyConnection = WebSocketConnection<ConnectionHandlerType>;

/**
 * Holds the messages of a connection back: its handler returns `released()`, so that the next one waits and the peer is read only
 * within a bound. It ends by itself when the connection begins to end: what has come is then delivered, and the end is not held back.
 */
export class ReadHold {
  readonly #connection: AnyConnection;
  #over: Promise<void> | undefined;
  #release: (() => void) | undefined;
  #watchesEnd = false;

  constructor(connection: AnyConnection) {
    this.#connection = connection;
  }

  /** Whether messages are held back. */
  get isActive(): boolean {
    return this.#over !== undefined;
  }

  /** Begins, if the connection is open. */
  begin(): void {
    if (this.#over !== undefined || this.#connection.status !== "Connected") return;
    this.#over = new Promise((resolve) => (this.#release = resolve));
    if (this.#watchesEnd) return;
    this.#watchesEnd = true;
    const onAbort = (): void => {
      this.end();
    };
    this.#connection.signal.addEventListener("abort", onAbort, { once: true });
  }

  /** Ends. */
  end(): void {
    this.#release?.();
    this.#over = this.#release = undefined;
  }

  /** Resolves when nothing is held back. */
  async released(): Promise<void> {
    // It may begin again before this goes on.
    while (this.#over !== undefined) await this.#over;
  }
}
