import { type TerminateOptions, readCloseCode, readTerminate } from "../connection/close-arguments.ts";
import { signalOf } from "../connection/dispatch/close-signal.ts";
import type { Connection } from "../connection/connection.ts";
import type { Task } from "../connection/dispatch/tasks.ts";
import type { MessageCounters } from "../connection/counters/message-counters.ts";
import type { DataType } from "../connection/receiving/decode.ts";
import { sendMessage, sendOther } from "../connection/send-message.ts";
import type { SendOptions } from "../connection/sending/message-options.ts";
import type { Message, MessageOf, PublishableOf } from "../connection/sending/outgoing-message.ts";
import { InvalidArgumentError } from "../errors/errors.ts";
import type { Status } from "../connection/status.ts";
import { isThenable } from "../util/thenable.ts";
import { readConnectionBy } from "./connection-of.ts";
import type { ConnectionHandler, ConnectionHandlerType, WSHandler } from "./handlers.ts";
import { checkOptionNames } from "./option-names.ts";
import { topicsOf } from "./topics-of.ts";
import type { Published } from "../topics/history-node.ts";
import type { TopicSet } from "../topics/topic-set.ts";
import type { TopicMessageOptions } from "./broadcast-options.ts";
import type { SubscribeOptions, Subscription } from "./subscription.ts";
import type { WebSocketServer } from "./websocket-server.ts";

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
    readConnectionBy(
      (connection) => connection.#core,
      (connection, message) => sendOther(connection.#core, message, undefined),
    );
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
   * A web `ReadableStream`, a `Readable` of Node's or another async iterable is one message too. It is sent in fragments as its chunks come (RFC
   * 6455 5.4): as a text if the first one is a string. The messages after it wait for its end. If it fails, the connection is
   * closed with 1011. If it is not sent to its end, it is cancelled.
   *
   * @param options the message's `key`, for the policy `"latest"`; and whether to `compress` it
   * @returns true when the message was accepted and no more than `highWaterMark` bytes wait. False in two cases. The message
   *   was accepted but the peer is slow: wait with `drained` or `onDrain`. Or the message was dropped: by `sendQueuePolicy`,
   *   or, as in browsers, because `status` is not `"Connected"`
   * @throws {InvalidArgumentError} for any other value, and for an object of which JSON holds nothing: a function, a promise, `Map`,
   *   `Set`, `Error`, `RegExp` and the like, without `toJSON`; for a stream that somebody else reads; `JSON.stringify` throws a `TypeError`
   *   for a cyclic object
   * @example
   * ws.send(createReadStream("film.mp4"));
   */
  send<M extends Message>(message: MessageOf<Out, M>, options?: SendOptions): boolean {
    return sendMessage(this.#core, message, options);
  }

  /**
   * Subscribes to a topic: from now on the connection gets what is published there. A second call changes nothing. The connection
   * leaves all its topics before its `onTerminate` is called.
   *
   * Of a topic with `history`, the connection can get first what it has missed (`since`), or the newest messages (`last`): in order, each
   * once, and before every message that is published meanwhile. If it reads slowly, nothing is dropped: the rest waits in the history.
   *
   * @param topic 1 to 255 bytes of UTF-8, without control characters
   * @returns `live` is false if the connection was closing or closed. For a topic with history it resolves when the connection has got
   *   what came before. Rejects with `HWS_TOO_MANY_TOPICS` above
   *   `maxTopicsPerConnection`; that rejection counts as handled, and the server's `onError` is told of it
   * @throws {InvalidArgumentError} for a topic of another type, or with control characters
   * @throws {OutOfRangeError} for a topic that is empty or too long
   * @example
   * void ws.subscribe("chat:7");
   * @example
   * const { recovered } = await ws.subscribe("chat:7", { since: position, framing: "header" });
   */
  subscribe(topic: string, options?: SubscribeOptions): Promise<Subscription> {
    return topicsOf(this).subscribe(this as unknown as WebSocketConnection, topic, options);
  }

  /**
   * Ends a subscription.
   *
   * @returns whether it was subscribed
   * @throws {InvalidArgumentError} for a topic of another type, or with control characters
   * @throws {OutOfRangeError} for a topic that is empty or too long
   */
  unsubscribe(topic: string): boolean {
    return topicsOf(this).unsubscribe(this as unknown as WebSocketConnection, topic);
  }

  /** The topics to which it has subscribed: a live set. It is empty before `onTerminate` is called. */
  get topics(): TopicSet {
    return topicsOf(this).topicsOf(this as unknown as WebSocketConnection);
  }

  /**
   * The same as `wss.publish`, for everybody but this connection, whether it has subscribed or not.
   *
   * @returns as `wss.publish`
   * @throws as `wss.publish`
   * @example
   * void ws.publish("chat:7", `${name} is typing`);
   */
  publish<M extends Message>(
    topic: string,
    message: PublishableOf<Out, M>,
    options: TopicMessageOptions = {},
  ): Promise<Published> {
    checkOptionNames("ws.publish", options);
    return topicsOf(this).publish(topic, message, options, { has: (one) => (one as object) === this });
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
    const { code: closeCode, reason } = readTerminate(code, message);
    this.#core.close(closeCode, reason);
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

function checkTask(task: unknown): void {
  if (typeof task === "function" || isThenable(task)) return;
  const given = task === null ? "null" : typeof task;
  throw new InvalidArgumentError(`waitUntil: task: expected a promise, or a function that returns one, got ${given}`);
}
