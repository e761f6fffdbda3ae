import type { Connection } from "../connection/connection.ts";
import type { Status } from "../connection/status.ts";
import type { MessageCounters } from "../connection/counters/message-counters.ts";
import type { DataType } from "../connection/receiving/decode.ts";
import { type Message, payloadOf } from "../connection/sending/payload.ts";
import { SendResult } from "../connection/sending/sender.ts";
import { InvalidArgumentError, OutOfRangeError } from "../errors/errors.ts";
import { fitsReason, isSendableCode } from "../protocol/close-frame.ts";
import type { ConnectionHandler, WSHandler } from "./handlers.ts";
import type { WebSocketServer } from "./websocket-server.ts";

/** What `terminate` takes as one object. */
export interface TerminateOptions {
  /** The close code, 1000 or above. */
  readonly code?: number | undefined;
  /** The reason, sent with codes above 3000 only. */
  readonly message?: string | undefined;
}

/** What is to be known of a message besides. */
export interface SendOptions {
  /** Under `sendQueuePolicy: "latest"`, what the message is the latest of, e.g. `"price:EUR"`. */
  readonly key?: string | undefined;
}

/** 4D: a message is sent only with a code above this. */
const MESSAGE_ABOVE = 3000;

let access: (connection: WebSocketConnection) => Connection;

/**
 * One client's connection: 4D's `WebSocketConnection`. Made by the server when `onConnection` returns a handler, and
 * handed to each of that handler's callbacks.
 */
export class WebSocketConnection<H extends ConnectionHandler = ConnectionHandler> {
  /** An integer, unique for the life of the server. */
  readonly id: number;
  /** The server it belongs to. */
  readonly wss: WebSocketServer<WSHandler<DataType, H>, DataType>;
  /** The subprotocol that was chosen in `onConnection`. */
  readonly protocol: string | undefined;
  readonly #core: Connection;

  static {
    access = (connection) => connection.#core;
  }

  /** Only the server makes connections. */
  constructor(
    core: Connection,
    wss: WebSocketServer<WSHandler<DataType, H>, DataType>,
    id: number,
    protocol: string | undefined,
  ) {
    if (!(core instanceof Object) || typeof (core as { start?: unknown }).start !== "function") {
      throw new InvalidArgumentError("WebSocketConnection: connections are made by a WebSocketServer");
    }
    this.#core = core;
    this.wss = wss;
    this.id = id;
    this.protocol = protocol;
    // Read-only at run time too: the server finds it by its id.
    Object.freeze(this);
  }

  /** The handler that `onConnection` returned for this connection. */
  get handler(): H {
    return this.#core.handler as unknown as H;
  }

  /** `"Connected"`, `"Closing"` or `"Closed"`. */
  get status(): Status {
    return this.#core.status;
  }

  /** Bytes that were sent and have not reached the operating system yet. */
  get bufferedAmount(): number {
    return this.#core.bufferedAmount;
  }

  /** What became of the messages that were sent: a snapshot, in which `accepted` is `written + dropped + pending`. */
  get counters(): MessageCounters {
    return this.#core.counters;
  }

  /**
   * Sends a message. A string goes out as a text frame; bytes (`Uint8Array`, any view, `ArrayBuffer`, `Blob`) as a
   * binary frame; any other object as the JSON that `JSON.stringify` makes of it. What is sent in one turn of the
   * event loop leaves in one write, where the peer keeps up. Bytes above 16 KiB are not copied: leave them as they are until they are sent.
   *
   * @param options the message's `key`, under the policy `"latest"`
   * @returns true when the message was accepted and no more than `highWaterMark` bytes wait. False: it was accepted but
   *   the peer is slow, so better wait (`drained`, `onDrain`); or it was dropped, by `sendQueuePolicy` or, as in browsers,
   *   because `status` is not `"Connected"`
   * @throws {InvalidArgumentError} for any other value; a `TypeError` of `JSON.stringify` for a cyclic object
   */
  send(message: Message, options?: SendOptions): boolean {
    return (
      this.#core.send(payloadOf(message), options === undefined ? undefined : keyOf("send", options)) ===
      SendResult.accepted
    );
  }

  /**
   * Waits until no more than `highWaterMark` bytes wait for the peer.
   *
   * @returns true when there is room; false when the connection was closed before. It never rejects
   * @example
   * for await (const row of rows) if (!ws.send(row) && !(await ws.drained())) break;
   */
  drained(): Promise<boolean> {
    return this.#core.whenDrained();
  }

  /**
   * Sends a ping (RFC 6455 5.5.2). One is on its way at a time: who calls again meanwhile waits for the same.
   *
   * @returns the milliseconds to the pong; undefined when the connection was closed before. It never rejects
   */
  ping(): Promise<number | undefined> {
    return this.#core.measureRoundTrip();
  }

  /**
   * Closes the connection. No message is delivered any more; `onTerminate` follows when the peer has answered, or after
   * `closeTimeout`. The second call does nothing.
   *
   * @param code a close code that RFC 6455 7.4 lets stand in a close frame. Default: none is sent
   * @param message the reason, 123 bytes of UTF-8 at most. As in 4D it is sent only with a code above 3000
   * @throws {InvalidArgumentError} for arguments of another type
   * @throws {OutOfRangeError} for a code or a message that cannot be sent
   * @example
   * ws.terminate(4001, "You were idle");
   * ws.terminate({ code: 4001, message: "You were idle" });
   */
  terminate(code?: number | TerminateOptions, message?: string): void {
    const close: TerminateOptions =
      typeof code === "object" && (code as unknown) !== null ? code : { code: code as number | undefined, message };
    checkClose(close.code, close.message);
    const told = close.code !== undefined && close.code > MESSAGE_ABOVE;
    this.#core.terminate(close.code, told ? close.message : undefined);
  }
}

/** The connection behind the user's object: the server's way in. */
export function connectionOf(connection: WebSocketConnection): Connection {
  return access(connection);
}

/**
 * The key among a message's options.
 *
 * @throws {InvalidArgumentError} for options that are no object, or a key that is no string
 */
export function keyOf(method: string, options: unknown): string | undefined {
  if (typeof options !== "object" || options === null)
    throw new InvalidArgumentError(`${method}: options: expected an object`);
  const { key } = options as { key?: unknown };
  if (key !== undefined && typeof key !== "string")
    throw new InvalidArgumentError(`${method}: key: expected a string, got ${key === null ? "null" : typeof key}`);
  return key;
}

function checkClose(code: unknown, message: unknown): void {
  if (code !== undefined && typeof code !== "number")
    throw new InvalidArgumentError(`terminate: code: expected a number, got ${code === null ? "null" : typeof code}`);
  if (code !== undefined && !isSendableCode(code)) {
    throw new OutOfRangeError(
      `terminate: code: expected 1000 to 1003, 1007 to 1014 or 3000 to 4999 (RFC 6455 7.4), got ${String(code)}`,
    );
  }
  if (message === undefined) return;
  if (typeof message !== "string")
    throw new InvalidArgumentError(
      `terminate: message: expected a string, got ${message === null ? "null" : typeof message}`,
    );
  if (!fitsReason(message)) throw new OutOfRangeError("terminate: message: expected at most 123 bytes of UTF-8");
}
