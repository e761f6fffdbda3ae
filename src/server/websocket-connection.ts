import { signalOf } from "../connection/dispatch/close-signal.ts";
import type { Connection } from "../connection/connection.ts";
import type { Task } from "../connection/dispatch/tasks.ts";
import type { MessageCounters } from "../connection/counters/message-counters.ts";
import type { DataType } from "../connection/receiving/decode.ts";
import { plainJsonText } from "../connection/sending/json-text.ts";
import {
  Compression,
  type Message,
  type MessageOf,
  type MessageOptions,
  outgoingMessage,
} from "../connection/sending/outgoing-message.ts";
import { SendResult } from "../connection/sending/send-result.ts";
import { InvalidArgumentError, OutOfRangeError } from "../errors/errors.ts";
import { CloseCode, fitsReason, isSendableCode } from "../protocol/close-frame.ts";
import type { Status } from "../connection/status.ts";
import { isThenable } from "../util/thenable.ts";
import { describe } from "./describe.ts";
import type { ConnectionHandler, ConnectionHandlerType, WSHandler } from "./handlers.ts";
import type { WebSocketServer } from "./websocket-server.ts";

/** The arguments of `terminate` as one object. */
export interface TerminateOptions {
  /** The close code. One of 3000 or less that must not be sent closes without a code. */
  readonly code?: number | undefined;
  /** The reason. It is sent only with codes above 3000. */
  readonly message?: string | undefined;
}

/** Options of one message. */
export interface SendOptions {
  /** With `sendQueuePolicy: "latest"`, a waiting message is replaced by a newer one with the same key, e.g. `"price:EUR"`. */
  readonly key?: string | undefined;
  /**
   * Whether the message may be compressed, if the server has the option `compression` and the peer agreed. Default true. Set it to
   * false for a secret that is sent together with what an attacker can choose (CRIME, BREACH).
   */
  readonly compress?: boolean | undefined;
}

/** What a connection says of itself. */
export interface ConnectionDetails {
  /** An integer that is unique within the server. */
  readonly id: number;
  /** The chosen subprotocol; undefined: none. */
  readonly protocol: string | undefined;
  /** The client's address; "" if it is unknown. */
  readonly remoteAddress: string;
  /** The agreed extensions; "": none. */
  readonly extensions: string;
}

/** 4D: the reason is sent only with a code above this. */
const REASON_ABOVE_CODE = 3000;

/** The largest close code (RFC 6455 7.4.2). */
const MAX_CODE = 4999;

let coreOf: (connection: WebSocketConnection) => Connection;

/**
 * The connection of one client: 4D's `WebSocketConnection`. The server makes it when `onConnection` returns a handler, and
 * passes it to each callback of that handler.
 *
 * The type parameters are what you declare at a callback: `H` is the type of the connection's handler, `Out` that of the messages
 * which `send` and `ws.wss.broadcast` take (default: all that can be sent), `S` that of the server's handler, which is `ws.wss.handler`.
 *
 * @example
 * class Member {
 *   onMessage(ws: WebSocketConnection<Member, ToPage, Chat>, event: WSMessageEvent<unknown>) {
 *     ws.send({ type: "topic", text: ws.wss.handler.topic });
 *   }
 * }
 */
export class WebSocketConnection<
  H extends ConnectionHandlerType = ConnectionHandler,
  Out = unknown,
  S extends object = WSHandler<DataType, H>,
> {
  /** An integer that is unique within the server. */
  readonly id: number;
  /** The server it belongs to. */
  readonly wss: WebSocketServer<S, DataType, Out>;
  /** The subprotocol that was chosen in `onConnection`. */
  readonly protocol: string | undefined;
  /** The client's address, as `event.request.remoteAddress` was in `onConnection`; "" if it is unknown, e.g. on a Unix socket. */
  readonly remoteAddress: string;
  /** The extensions that were agreed, as the answer to the handshake had them, e.g. `"permessage-deflate; ..."`; "": none. */
  readonly extensions: string;
  readonly #core: Connection;

  static {
    coreOf = (connection) => connection.#core;
  }

  /** Only the server makes connections. */
  constructor(core: Connection, wss: WebSocketServer<S, DataType, Out>, details: ConnectionDetails) {
    if (!(core instanceof Object) || typeof (core as { start?: unknown }).start !== "function") {
      throw new InvalidArgumentError("WebSocketConnection: connections are made by a WebSocketServer");
    }
    this.#core = core;
    this.wss = wss;
    this.id = details.id;
    this.protocol = details.protocol;
    this.remoteAddress = details.remoteAddress;
    this.extensions = details.extensions;
    // It is read-only at run time too, because the server looks it up by its id.
    Object.freeze(this);
  }

  /** The handler that `onConnection` returned for this connection. */
  get handler(): H {
    return this.#core.dispatcher.handler as unknown as H;
  }

  /** `"Connected"`, `"Closing"` or `"Closed"`. */
  get status(): Status {
    return this.#core.status;
  }

  /**
   * Aborts when `status` leaves `"Connected"`, whoever closes. For work that is of no use then. It is made when it is asked for.
   * After it has aborted, a callback has not failed if it rejects with `signal.reason`, with an error that has the reason in its
   * chain of `cause`s, or with one whose `name` is `"AbortError"`, or whose `code` is `"ABORT_ERR"` or `"ERR_CANCELED"`. Any other
   * error is a failure: catch it if `signal.aborted`.
   *
   * @example
   * const answer = await fetch(url, { signal: ws.signal });
   * @example
   * const rows = await query(text).catch((error) => {
   *   if (!ws.signal.aborted) throw error;
   * });
   */
  get signal(): AbortSignal {
    return signalOf(this.#core, this.status !== "Connected");
  }

  /** Bytes that were sent, but that the operating system has not taken yet. */
  get bufferedAmount(): number {
    return this.#core.bufferedAmount;
  }

  /** Counts of the messages that were sent. It is a snapshot, in which `accepted` is `written + dropped + pending`. */
  get counters(): MessageCounters {
    return this.#core.counters;
  }

  /**
   * Sends a message. A string is sent as a text frame; bytes (`Uint8Array`, any view, `ArrayBuffer`, `Blob`) as a binary
   * frame; any other object, also an instance of a class, as the JSON that `JSON.stringify` makes of it. All messages of one turn of the event loop are
   * sent in one write, unless the peer is slow. More than 16 KiB of bytes are not copied: do not change them before they
   * are sent.
   *
   * @param options the message's `key`, for the policy `"latest"`; and whether to `compress` it
   * @returns true when the message was accepted and no more than `highWaterMark` bytes wait. False in two cases. The message
   *   was accepted but the peer is slow: wait with `drained` or `onDrain`. Or the message was dropped: by `sendQueuePolicy`,
   *   or, as in browsers, because `status` is not `"Connected"`
   * @throws {InvalidArgumentError} for any other value, and for an object of which JSON holds nothing: a function, a promise, `Map`,
   *   `Set`, `Error`, `RegExp` and the like, without `toJSON`; `JSON.stringify` throws a `TypeError` for a cyclic object
   */
  send<M extends Message>(message: MessageOf<Out, M>, options?: SendOptions): boolean {
    // Most messages are texts, or objects without a class: they need no object of ours.
    const text = options !== undefined ? undefined : typeof message === "string" ? message : plainJsonText(message);
    const result =
      text !== undefined
        ? this.#core.sendText(text)
        : this.#core.send(
            outgoingMessage(message, options === undefined ? undefined : readMessageOptions("send", options)),
          );
    return result === SendResult.accepted;
  }

  /**
   * Waits until no more than `highWaterMark` bytes wait for the peer.
   *
   * @returns true when this is so; false when the connection closes before. It never rejects
   * @example
   * for await (const row of rows) if (!ws.send(row) && !(await ws.drained())) break;
   */
  drained(): Promise<boolean> {
    return this.#core.whenDrained();
  }

  /**
   * Sends a ping (RFC 6455 5.5.2). While one is unanswered, another call sends none and waits for the same pong.
   *
   * @returns the milliseconds until the pong; undefined when the connection closes before, or is not read because enough messages
   * wait for its busy handler. It never rejects
   */
  ping(): Promise<number | undefined> {
    return this.#core.measureRoundTrip();
  }

  /**
   * Supervises work that runs beside the callbacks, such as a slow answer, or a loop that begins in `onOpen`. The next messages do
   * not wait for it. If it fails, a callback has failed: `onError`, and close 1011. If it rejects because `signal` has aborted, as
   * `signal` says, it has not failed. `onTerminate` waits until all such work has settled, at most `closeTimeout`.
   *
   * @param task a promise, or a function that is called at once with `ws.signal`, and returns one
   * @returns true when the work is supervised and `onTerminate` waits for it. False for a function when `status` is not
   *   `"Connected"`: it is not called. False for a promise after `onTerminate` was called: only its failure is reported
   * @throws {InvalidArgumentError} for any other value
   * @example
   * ws.waitUntil(async (signal) => {
   *   for await (const price of prices({ signal })) if (!ws.send(price) && !(await ws.drained())) return;
   * });
   */
  waitUntil(task: Task): boolean {
    checkTask(task);
    return this.#core.dispatcher.waitUntil(task, this.status !== "Connected");
  }

  /**
   * Closes the connection as 4D does. No more messages are delivered. `onTerminate` is called when the peer has answered, or after
   * `closeTimeout`. A second call does nothing.
   *
   * @param code at most 4999. One that RFC 6455 7.4 forbids in a close frame closes without a code. Default: none is sent
   * @param message the reason, at most 123 bytes of UTF-8. As in 4D, it is sent only with a code above 3000, and ignored else
   * @throws {InvalidArgumentError} for arguments of another type
   * @throws {OutOfRangeError} for a code that is no integer or above 4999, or a message that is too long
   * @example
   * ws.terminate(4001, "You were idle");
   * ws.terminate({ code: 4001, message: "You were idle" });
   */
  terminate(code?: number | TerminateOptions, message?: string): void {
    const options: TerminateOptions =
      typeof code === "object" && (code as unknown) !== null ? code : { code: code as number | undefined, message };
    // A getter may return something else the second time, and may throw: the message is read only if it is sent.
    const { code: closeCode } = options;
    checkTerminateCode(closeCode);
    if (closeCode !== undefined && closeCode > REASON_ABOVE_CODE) {
      const { message: reason } = options;
      checkReason("terminate: message", reason);
      this.#core.close(closeCode, reason);
    } else this.#core.close(closeCode !== undefined && isSendableCode(closeCode) ? closeCode : undefined);
  }

  /**
   * Closes the connection as the web platform does, with any code that may be sent, and its reason. Otherwise as `terminate`.
   *
   * @param code 1000 to 1003, 1007 to 1014 or 3000 to 4999 (RFC 6455 7.4). Default: none is sent, or 1000 with a reason
   * @param reason at most 123 bytes of UTF-8
   * @throws {InvalidArgumentError} for arguments of another type
   * @throws {OutOfRangeError} for a code that must not be sent, or a reason that is too long
   * @example
   * ws.close(1000, "bye");
   */
  close(code?: number, reason?: string): void {
    this.#core.close(readCloseCode(code, reason), reason);
  }

  /**
   * Cuts the connection at once, without a close frame: what waits is dropped, and no more messages are delivered. `onTerminate`
   * is called with 1006, after the callback that runs.
   */
  destroy(): void {
    this.#core.cut();
  }
}

/**
 * Checks the arguments of `close`, and returns the code to send.
 *
 * @throws {InvalidArgumentError} for arguments of another type
 * @throws {OutOfRangeError} for a code that must not be sent, or a reason that is too long
 */
export function readCloseCode(code: number | undefined, reason: string | undefined): number | undefined {
  checkSendableCode("close: code", code);
  checkReason("close: reason", reason);
  // As in browsers: a reason has no place in a close frame without a code (RFC 6455 5.5.1).
  return code ?? (reason === undefined || reason === "" ? undefined : CloseCode.normal);
}

/**
 * Checks the code of a close frame.
 *
 * @throws {InvalidArgumentError} when it is not a number
 * @throws {OutOfRangeError} when it must not be sent
 */
export function checkSendableCode(name: string, code: unknown): asserts code is number | undefined {
  checkNumber(name, code);
  if (code === undefined || isSendableCode(code)) return;
  throw new OutOfRangeError(
    `${name}: expected 1000 to 1003, 1007 to 1014 or 3000 to 4999 (RFC 6455 7.4), got ${String(code)}`,
  );
}

/** The internal connection of a user's object. Only the server calls it. */
export function connectionOf(connection: WebSocketConnection): Connection {
  return coreOf(connection);
}

/**
 * The options of one message.
 *
 * @throws {InvalidArgumentError} when the options are not an object, or one of them is of another type
 */
export function readMessageOptions(method: string, options: unknown): MessageOptions {
  if (typeof options !== "object" || options === null)
    throw new InvalidArgumentError(`${method}: options: expected an object`);
  const { key, compress } = options as { key?: unknown; compress?: unknown };
  if (key !== undefined && typeof key !== "string")
    throw new InvalidArgumentError(`${method}: key: expected a string, got ${key === null ? "null" : typeof key}`);
  if (compress !== undefined && typeof compress !== "boolean")
    throw new InvalidArgumentError(`${method}: compress: expected true or false, got ${describe(compress)}`);
  return { key, compression: compress === false ? Compression.forbidden : Compression.allowed };
}

function checkTask(task: unknown): void {
  if (typeof task === "function" || isThenable(task)) return;
  const given = task === null ? "null" : typeof task;
  throw new InvalidArgumentError(`waitUntil: task: expected a promise, or a function that returns one, got ${given}`);
}

/** 4D: the code is an integer up to 4999. */
function checkTerminateCode(code: unknown): asserts code is number | undefined {
  checkNumber("terminate: code", code);
  if (code !== undefined && !(Number.isInteger(code) && code <= MAX_CODE))
    throw new OutOfRangeError(`terminate: code: expected an integer up to ${String(MAX_CODE)}, got ${String(code)}`);
}

function checkNumber(name: string, code: unknown): asserts code is number | undefined {
  if (code !== undefined && typeof code !== "number")
    throw new InvalidArgumentError(`${name}: expected a number, got ${code === null ? "null" : typeof code}`);
}

/**
 * Checks the reason of a close frame.
 *
 * @throws {InvalidArgumentError} when it is not a string
 * @throws {OutOfRangeError} when it is too long
 */
export function checkReason(name: string, reason: unknown): asserts reason is string | undefined {
  if (reason === undefined) return;
  if (typeof reason !== "string")
    throw new InvalidArgumentError(`${name}: expected a string, got ${reason === null ? "null" : typeof reason}`);
  if (!fitsReason(reason)) throw new OutOfRangeError(`${name}: expected at most 123 bytes of UTF-8`);
}
