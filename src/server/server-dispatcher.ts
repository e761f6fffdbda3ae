import { type ErrorSource, OPEN_EVENT, errorEvent, hasOnError } from "../connection/dispatch/events.ts";
import { warnOfUnheard } from "../connection/dispatch/unheard-errors.ts";
import { isThenable } from "../util/thenable.ts";
import { Warnings } from "../util/warnings.ts";
import type { WSConnectionEvent } from "./connection-event.ts";
import type { WSBackplaneEvent, WSHandler, WSRefusedEvent } from "./handlers.ts";
import type { WSPresenceEvent } from "../topics/presence-member.ts";
import type { WebSocketConnection } from "./websocket-connection.ts";
import type { WebSocketServer } from "./websocket-server.ts";

/** Calls a server's handler. An error that a callback throws is passed to `onError`; without it, the process is warned. */
export class ServerDispatcher {
  /** The handler. */
  readonly handler: WSHandler;
  readonly #wss: WebSocketServer;
  readonly #warnings = new Warnings();
  /** `onTerminate` was called. It is the last callback: after it, the process is warned of errors. */
  #isTerminated = false;

  constructor(handler: WSHandler, wss: WebSocketServer) {
    this.handler = handler;
    this.#wss = wss;
  }

  /** Whether the handler has an `onError`. */
  get hasOnError(): boolean {
    return hasOnError(this.handler);
  }

  /** Whether the handler has an `onRefused`. */
  get hasOnRefused(): boolean {
    return this.handler.onRefused !== undefined;
  }

  /** Whether the last callback was called. */
  get isTerminated(): boolean {
    return this.#isTerminated;
  }

  /** Calls `onConnection`. What it throws is not caught. */
  callOnConnection(event: WSConnectionEvent): unknown {
    return this.handler.onConnection(this.#wss, event);
  }

  /** Calls `onOpen`. */
  dispatchOpen(): void {
    this.#guard(
      () => this.handler.onOpen?.(this.#wss, OPEN_EVENT),
      (error) => {
        this.dispatchError(error, "handler", true);
      },
    );
  }

  /** Calls `onRefused`. */
  dispatchRefused(event: WSRefusedEvent): void {
    this.#tell(() => this.handler.onRefused?.(this.#wss, event));
  }

  /** Calls `onBackplane`. */
  dispatchBackplane(event: WSBackplaneEvent): void {
    this.#tell(() => this.handler.onBackplane?.(this.#wss, event));
  }

  /** Calls `onJoin` or `onLeave`. */
  dispatchPresence(event: WSPresenceEvent): void {
    this.#tell(() =>
      event.type === "join" ? this.handler.onJoin?.(this.#wss, event) : this.handler.onLeave?.(this.#wss, event),
    );
  }

  /** Calls `onTerminate`, the last callback. */
  dispatchTerminate(): void {
    this.#isTerminated = true;
    this.#guard(
      () => this.handler.onTerminate?.(this.#wss, { type: "terminate" }),
      (error) => {
        this.dispatchError(error, "handler", true);
      },
    );
  }

  /** Calls `onError`. If there is none, the process is warned, if `warnIfUnhandled`. */
  dispatchError(error: unknown, source: ErrorSource, warnIfUnhandled: boolean, connection?: WebSocketConnection): void {
    if (this.#isTerminated || !hasOnError(this.handler)) {
      if (warnIfUnhandled) this.#warn(error);
      return;
    }
    const event = errorEvent(error, source);
    this.#guard(
      () => this.handler.onError?.(this.#wss, connection === undefined ? event : { ...event, connection }),
      (second) => {
        this.#warn(second);
      },
    );
  }

  /** Calls a callback that tells of something, before the last one. */
  #tell(callback: () => unknown): void {
    if (this.#isTerminated) return;
    this.#guard(callback, (error) => {
      this.dispatchError(error, "handler", true);
    });
  }

  #guard(callback: () => unknown, onFailure: (error: unknown) => void): void {
    try {
      const result = callback();
      // It is not awaited, but its rejection is handled.
      if (isThenable(result)) Promise.resolve(result).then(undefined, onFailure);
    } catch (error) {
      onFailure(error);
    }
  }

  #warn(error: unknown): void {
    warnOfUnheard(this.#warnings, error);
  }
}
