import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

/** Gets what happens to the plain requests of an own web server. */
export interface PlainRequestListener {
  /** Whether the server goes down: clients are asked to close their connections. */
  readonly isDraining: boolean;
  /** The head of a plain request was read: its socket no longer counts as one that has sent nothing. */
  onPlainRequest(socket: Duplex): void;
  /** After `finish`, the last request under way has its answer. */
  onPlainRequestsFinished(): void;
}

/** The plain requests of the own web server: the application answers them with its `requestListener`. */
export class PlainRequests {
  readonly #server: Server;
  readonly #listener: PlainRequestListener;
  /** The answers that are under way. */
  readonly #responses = new Set<ServerResponse>();
  #isFinishing = false;

  /** @param requestListener what `http.createServer()` takes; an exception of it is one of the process, as there */
  constructor(server: Server, requestListener: RequestListener, listener: PlainRequestListener) {
    this.#server = server;
    this.#listener = listener;
    // First: the application may answer at once.
    server.on("request", this.#onRequest);
    server.on("request", requestListener);
  }

  /**
   * Accepts no more sockets, and closes those that are idle. Requests under way are answered.
   *
   * @returns whether none is under way; if one is, `onPlainRequestsFinished` follows
   */
  finish(): boolean {
    if (!this.#isFinishing) {
      this.#isFinishing = true;
      this.#server.close();
      for (const response of this.#responses) askToClose(response);
    }
    this.#server.closeIdleConnections();
    return this.#responses.size === 0;
  }

  readonly #onRequest = ({ socket }: IncomingMessage, response: ServerResponse): void => {
    this.#listener.onPlainRequest(socket);
    this.#responses.add(response);
    if (this.#listener.isDraining) askToClose(response);
    response.once("close", () => {
      this.#responses.delete(response);
      if (!this.#isFinishing) return;
      this.#server.closeIdleConnections();
      if (this.#responses.size === 0) this.#listener.onPlainRequestsFinished();
    });
  };
}

/** `Connection: close` (RFC 9112 9.6), unless the head has been sent. */
function askToClose(response: ServerResponse): void {
  if (!response.headersSent) response.shouldKeepAlive = false;
}
