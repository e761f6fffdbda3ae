import { type Culprit, OPEN_EVENT, errorEvent } from "../connection/events.ts";
import type { ConnectionEvent } from "./connection-event.ts";
import type { WSHandler } from "./handlers.ts";
import type { WebSocketConnection } from "./websocket-connection.ts";
import type { WebSocketServer } from "./websocket-server.ts";

/** Calls a server's handler. What its callbacks throw comes back to its own `onError`; without one, to the process. */
export class ServerCaller {
  readonly #handler: WSHandler;
  readonly #wss: WebSocketServer;
  #warned = false;

  constructor(handler: WSHandler, wss: WebSocketServer) {
    this.#handler = handler;
    this.#wss = wss;
  }

  /** Calls `onConnection`. Its exceptions are the caller's. */
  ask(event: ConnectionEvent): unknown {
    return this.#handler.onConnection(this.#wss, event);
  }

  /** Calls `onOpen`. */
  open(): void {
    this.#guard(
      () => this.#handler.onOpen?.(this.#wss, OPEN_EVENT),
      (error) => {
        this.error(error, "handler", true);
      },
    );
  }

  /** Calls `onTerminate`. */
  terminate(): void {
    this.#guard(
      () => this.#handler.onTerminate?.(this.#wss, { type: "terminate" }),
      (error) => {
        this.error(error, "handler", true);
      },
    );
  }

  /** Calls `onError`. Where there is none, the process is warned of what is `grave`. */
  error(error: unknown, culprit: Culprit, grave: boolean, connection?: WebSocketConnection): void {
    if (this.#handler.onError === undefined) {
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

  /** Nothing is swallowed, and nobody is flooded: one warning for each server. */
  #warn(error: unknown): void {
    if (this.#warned) return;
    this.#warned = true;
    const { message } = errorEvent(error, "handler").errors[0];
    process.emitWarning(`An error that no onError was there to hear: ${message}`, {
      type: "HawserWarning",
      code: "HWS_UNHEARD",
      detail: error instanceof Error ? (error.stack ?? "") : "",
    });
  }
}
