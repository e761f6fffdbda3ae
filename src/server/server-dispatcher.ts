import { type ErrorSource, OPEN_EVENT, errorEvent } from "../connection/dispatch/events.ts";
import type { WSConnectionEvent } from "./connection-event.ts";
import type { WSHandler } from "./handlers.ts";
import type { WebSocketConnection } from "./websocket-connection.ts";
import type { WebSocketServer } from "./websocket-server.ts";

/** A server that fails in more ways than this has said enough. */
const MAX_WARNINGS = 20;

/** Calls a server's handler. What its callbacks throw comes back to its own `onError`; without one, to the process. */
export class ServerDispatcher {
  readonly #handler: WSHandler;
  readonly #wss: WebSocketServer;
  readonly #warned = new Set<string>();
  /** `onTerminate` was the last call: what fails behind it is for the process. */
  #over = false;

  constructor(handler: WSHandler, wss: WebSocketServer) {
    this.#handler = handler;
    this.#wss = wss;
  }

  /** Calls `onConnection`. Its exceptions are the caller's. */
  callOnConnection(event: WSConnectionEvent): unknown {
    return this.#handler.onConnection(this.#wss, event);
  }

  /** Calls `onOpen`. */
  dispatchOpen(): void {
    this.#guard(
      () => this.#handler.onOpen?.(this.#wss, OPEN_EVENT),
      (error) => {
        this.dispatchError(error, "handler", true);
      },
    );
  }

  /** Calls `onTerminate`: the last call. */
  dispatchTerminate(): void {
    this.#over = true;
    this.#guard(
      () => this.#handler.onTerminate?.(this.#wss, { type: "terminate" }),
      (error) => {
        this.dispatchError(error, "handler", true);
      },
    );
  }

  /** Calls `onError`. Where there is none, the process is warned of what is `grave`. */
  dispatchError(error: unknown, culprit: ErrorSource, grave: boolean, connection?: WebSocketConnection): void {
    if (this.#over || typeof this.#handler.onError !== "function") {
      if (grave) this.#warn(error);
      return;
    }
    const event = errorEvent(error, culprit);
    this.#guard(
      () => this.#handler.onError?.(this.#wss, connection === undefined ? event : { ...event, connection }),
      (second) => {
        this.#warn(second);
      },
    );
  }

  #guard(callback: () => unknown, failed: (error: unknown) => void): void {
    try {
      // A callback of the server's is not waited for; a rejection is not lost.
      Promise.resolve(callback()).catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  /** Nothing is swallowed, and nobody is flooded: one warning for each text, as long as they are few. */
  #warn(error: unknown): void {
    const { message } = errorEvent(error, "handler").errors[0];
    if (this.#warned.has(message) || this.#warned.size === MAX_WARNINGS) return;
    this.#warned.add(message);
    process.emitWarning(`An error that no onError was there to hear: ${message}`, {
      type: "HawserWarning",
      code: "HWS_UNHEARD",
      detail: stackOf(error),
    });
  }
}

function stackOf(error: unknown): string {
  try {
    return error instanceof Error ? (error.stack ?? "") : "";
  } catch {
    return "";
  }
}
