import type { WSDrainEvent, WSErrorEvent, WSMessageEvent, WSTerminateEvent } from "../connection/dispatch/events.ts";
import type { WSMessageStartEvent } from "../connection/dispatch/message-start.ts";
import { HawserError } from "../errors/errors.ts";
import { attempt } from "../util/attempt.ts";
import { deferred } from "../util/deferred.ts";
import type { WSClientOpenEvent, WSReconnectedEvent, WSReconnectingEvent } from "./events.ts";
import type { MessageIterator } from "./message-iterator.ts";
import type { ClientPlatform } from "./platform.ts";

/** The callbacks of a handler as they are called. */
type Callbacks = Readonly<Record<string, ((ws: unknown, event: object) => unknown) | undefined>>;

/** Who waits for the first connection: `WebSocket.connect`. */
export interface FirstOpen {
  /** It is open, and `onOpen` has settled. */
  resolve(): void;
  /** The client has ended before. */
  reject(error: unknown): void;
}

/** As many dials in a row may fail in silence. */
const MANY_DIALS = 5;

/** Calls the handler of a client as its methods, and tells those who wait for it in other ways. */
export class ClientCallbacks {
  /** Messages go there if the handler has no `onMessage`. */
  iterator: MessageIterator | undefined;
  /** Who waits in `WebSocket.connect`. */
  firstOpen: FirstOpen | undefined;
  readonly #ws: unknown;
  readonly #handler: Callbacks;
  #controller: AbortController | undefined;
  #isOver = false;
  #hasReportedError = false;
  /** `onTerminate` was called: it is the last one. A callback that never settles may have kept messages of an earlier connection back. */
  #hasTerminated = false;

  constructor(ws: unknown, handler: object) {
    this.#ws = ws;
    this.#handler = handler as Callbacks;
  }

  /** Aborts when the client ends. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#isOver) this.#controller.abort();
    return this.#controller.signal;
  }

  /** Whether somebody is told of an error. */
  get isErrorHeard(): boolean {
    return this.#has("onError") || this.firstOpen !== undefined || this.iterator?.isUsed === true;
  }

  /** There is a connection, whose messages wait until they are taken. */
  linked(): void {
    this.iterator?.hold();
  }

  /** Connected: for the first time, or again. */
  open(again: WSReconnectedEvent | undefined): unknown {
    if (again !== undefined && this.#has("onReconnected")) return this.#handler["onReconnected"]?.(this.#ws, again);
    const event: WSClientOpenEvent = { type: "open", reconnected: again !== undefined };
    return this.#handler["onOpen"]?.(this.#ws, event);
  }

  /** `onOpen` has settled. */
  connected(): void {
    this.firstOpen?.resolve();
    this.firstOpen = undefined;
  }

  /** A message has come, or begins. */
  message(event: WSMessageEvent<unknown> | WSMessageStartEvent): unknown {
    if (this.#hasTerminated) return undefined;
    if (event.type === "messagestart") return this.#handler["onMessageStart"]?.(this.#ws, event);
    const { iterator } = this;
    return iterator === undefined ? this.#handler["onMessage"]?.(this.#ws, event) : iterator.push(event.data);
  }

  drain(event: WSDrainEvent): unknown {
    if (this.#hasTerminated) return undefined;
    return this.#handler["onDrain"]?.(this.#ws, event);
  }

  /** It dials again. If no callback tells of it, the process is warned when several dials in a row have failed. */
  reconnecting(event: WSReconnectingEvent, platform: Pick<ClientPlatform, "warn">): unknown {
    if (this.#has("onReconnecting")) return this.#handler["onReconnecting"]?.(this.#ws, event);
    if (event.attempt === MANY_DIALS) platform.warn(event.errors[0]?.cause);
    return undefined;
  }

  /** Calls `onError` once, for what has ended the client. What nobody is told of is a warning. */
  async reportError(event: WSErrorEvent, platform: Pick<ClientPlatform, "warn">): Promise<void> {
    if (this.#hasReportedError) return;
    this.#hasReportedError = true;
    try {
      if (this.#hasTerminated || !this.isErrorHeard) platform.warn(event.errors[0].cause);
      else if (this.#has("onError")) await this.#handler["onError"]?.(this.#ws, event);
    } catch (error) {
      platform.warn(error);
    }
  }

  /** Calls `onTerminate`. Nobody waits longer than `closeTimeout` (milliseconds) for its promise. */
  async terminate(
    event: WSTerminateEvent,
    closeTimeout: number,
    platform: Pick<ClientPlatform, "warn">,
  ): Promise<void> {
    this.#hasTerminated = true;
    const late = deferred();
    const timer = setTimeout(() => {
      platform.warn(new HawserError("HWS_CLOSE_TIMEOUT", `onTerminate took ${closeTimeout} ms`));
      late.resolve();
    }, closeTimeout);
    try {
      await Promise.race([this.#handler["onTerminate"]?.(this.#ws, event), late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** The connection has ended. */
  disconnected(): void {
    this.iterator?.release();
  }

  /** The client has ended, and `onTerminate` has settled. */
  ended(event: WSTerminateEvent, error: unknown): void {
    this.firstOpen?.reject(error);
    this.iterator?.end(event, error);
  }

  /** The client ends: its signal aborts. */
  abortSignal(): void {
    this.#isOver = true;
    this.#controller?.abort();
  }

  /** A handler in JavaScript may have `onError: null`, and a getter may throw. */
  #has(name: string): boolean {
    return attempt(() => typeof this.#handler[name] === "function") === true;
  }
}
