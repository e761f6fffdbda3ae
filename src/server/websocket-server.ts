import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";

import { misspeltCallbacks } from "../connection/dispatch/misspelt-callbacks.ts";
import { checkReason, checkSendableCode } from "../connection/close-arguments.ts";
import type { DataType } from "../connection/receiving/decode.ts";
import { readMessageOptions } from "../connection/sending/message-options.ts";
import {
  type Message,
  type BroadcastableOf,
  type PublishableOf,
  outgoingMessage,
} from "../connection/sending/outgoing-message.ts";
import { InvalidArgumentError, OutOfRangeError } from "../errors/errors.ts";
import { asBytes } from "../protocol/bytes.ts";
import { type BroadcastOptions, type PublishOptions, receiversOf } from "./broadcast-options.ts";
import type { Published } from "../topics/history-node.ts";
import type { BackplaneState } from "./backplane-state.ts";
import { SERVER_CALLBACKS } from "./callback-names.ts";
import { connectionsOf } from "./connection-list.ts";
import { type ConnectionSource, Connections } from "./connections.ts";
import type { ServerCounters } from "./server-counters.ts";
import { describe } from "../util/describe.ts";
import type { ContextOf, FittingHandlers, HandlerOf, ServerHandlerType, WSHandler } from "./handlers.ts";
import type { ShutdownOptions } from "./graceful-shutdown.ts";
import { isOptionName } from "./option-table.ts";
import type { WebSocketServerOptions } from "./options.ts";
import type { WebServer } from "./web-server.ts";
import type { PathFunction } from "./path-rule.ts";
import type { PresenceList } from "./presence.ts";
import { sendToMany } from "./send-to-many.ts";
import { checkOptionNames } from "./option-names.ts";
import { ServerDispatcher } from "./server-dispatcher.ts";
import { ServerLifecycle } from "./server-lifecycle.ts";
import { readOptions } from "./settings.ts";
import { setTopics } from "./topics-of.ts";
import { WebSocketConnection } from "./websocket-connection.ts";

/** `WebSocketServer` without types may have any handler. */
type KnownHandler<S> = S extends { onConnection(...args: never[]): unknown } ? S : WSHandler<DataType, HandlerOf<S>>;

/** The connections as their type says. */
type Source<S, Out> = ConnectionSource<WebSocketConnection<HandlerOf<S>, Out, KnownHandler<S>>>;

// `S` extends only `object`: with `WSHandler`, the `event.data` of inline handlers would not have the type of `T`.
/**
 * A WebSocket server: 4D's `WebSocketServer`. Creating it starts it.
 *
 * @example
 * class Chat {
 *   onConnection() { return new Member(); }
 * }
 * class Member {
 *   onMessage(ws: WebSocketConnection<Member>, event: WSMessageEvent) { ws.wss.broadcast(event.data, { except: ws }); }
 * }
 * const wss = new WebSocketServer(new Chat(), { port: 8080 });
 */
export class WebSocketServer<S extends ServerHandlerType = object, T extends DataType = "text", Out = unknown> {
  readonly #connections: Connections<WebSocketConnection<HandlerOf<S>, Out, KnownHandler<S>>>;
  readonly #dataType: DataType;
  readonly #handler: S;
  readonly #lifecycle: ServerLifecycle;

  /**
   * Creates and starts a server. With the option `server` it attaches to your web server. With `port` it listens itself.
   * With neither it waits for calls of `handleUpgrade`.
   *
   * @throws {InvalidArgumentError} for a handler without `onConnection`, or an option of a wrong type, which it names
   * @throws {OutOfRangeError} for a number out of range
   */
  constructor(handler: FittingHandlers<S, T> & S & WSHandler<NoInfer<T>>, options: WebSocketServerOptions<T> = {}) {
    checkServerHandler(handler);
    const settings = readOptions(options);
    const self = this as unknown as WebSocketServer;
    this.#handler = handler;
    this.#dataType = settings.dataType;
    this.#lifecycle = new ServerLifecycle(
      settings,
      new ServerDispatcher(handler, self),
      (core, details) => new WebSocketConnection(core, self as WebSocketConnection["wss"], details),
    );
    setTopics(this, this.#lifecycle.clients.topics);
    this.#connections = new Connections(this.#lifecycle.clients.connections as unknown as Source<S, Out>);
  }

  /** All connections that are open or closing: a live collection. One leaves it before its `onTerminate` is called. */
  get connections(): Connections<WebSocketConnection<HandlerOf<S>, Out, KnownHandler<S>>> {
    return this.#connections;
  }

  /** The type of `event.data` in `onMessage`. */
  get dataType(): DataType {
    return this.#dataType;
  }

  /** The handler given to the constructor. */
  get handler(): S {
    return this.#handler;
  }

  /** The option `path`; undefined: it takes every WebSocket request. */
  get path(): string | PathFunction | undefined {
    return this.#lifecycle.path?.option;
  }

  /**
   * Resolves when clients can connect: when the web server listens; without one, at once. Rejects with the error of a server
   * that cannot listen, and with `HWS_NOT_STARTED` after `terminate` before that. Its rejection counts as handled. A failure to
   * start that neither `onError` nor a reader of `ready` gets is an uncaught exception, as with Node's own servers.
   *
   * A promise that has rejected stays rejected. If your web server listens after that, on another port for example, `ready` is a
   * new promise, which has resolved.
   *
   * @example
   * await wss.ready;
   * console.log(wss.address());
   */
  get ready(): Promise<void> {
    return this.#lifecycle.readiness.promise;
  }

  /** True after the server is closed. */
  get terminated(): boolean {
    return this.#lifecycle.terminated;
  }

  /** True from `terminate` on: new clients are refused. For health checks. */
  get draining(): boolean {
    return this.#lifecycle.isDraining;
  }

  /** The web server: its own, yours, or undefined if it has none. E.g. `setSecureContext` of its own one renews a certificate. */
  get httpServer(): WebServer | undefined {
    return this.#lifecycle.webServer;
  }

  /** A snapshot of what was counted since the server was made. It reads the counters of each connection. */
  get counters(): ServerCounters {
    return this.#lifecycle.counters;
  }

  /** What joins the server with others: a snapshot. See the option `backplane`. */
  get backplane(): BackplaneState {
    return this.#lifecycle.clients.topics.backplane;
  }

  /** The address on which its web server listens, as `net.Server.address()` returns it; null when it does not listen. */
  address(): AddressInfo | string | null {
    return this.#lifecycle.address();
  }

  /**
   * Takes an upgrade request that you got, e.g. from a framework. It answers 404 to a request for another path.
   *
   * @param head the bytes that arrived after the request; they are unmasked in place
   * @param context what `onConnection` gets as `event.context`, e.g. the user of the session
   * @throws {InvalidArgumentError} when the socket was handed over before
   */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Uint8Array, context?: ContextOf<S>): void {
    this.#lifecycle.handleUpgrade(
      request,
      socket,
      asBytes(Buffer.from(head.buffer as ArrayBuffer, head.byteOffset, head.byteLength)),
      context,
    );
  }

  /**
   * Sends a message to all connections, or to those that `to` names. It is encoded, and compressed, only once. With a `backplane` it goes to
   * the connections of all servers, unless `local` or `to` is given.
   *
   * @returns how many connections of this server accepted it: one that is closing does not, nor a slow one whose queue is full
   * @throws {InvalidArgumentError} for a value that `send` does not accept
   * @example
   * ws.wss.broadcast(`${name} has joined`, { except: ws });
   */
  broadcast<M extends Message>(message: BroadcastableOf<Out, M>, options: BroadcastOptions<HandlerOf<S>> = {}): number {
    checkOptionNames("broadcast", options);
    const { connections, topics } = this.#lifecycle.clients;
    const find = topics.list.bind(topics);
    const receivers = receiversOf({ wss: this, all: connections.list, find }, options);
    const outgoing = outgoingMessage(message, readMessageOptions("broadcast", options));
    const accepted = sendToMany(outgoing, receivers);
    if (receivers.elsewhere !== undefined) topics.relayBroadcast(outgoing, receivers.elsewhere);
    return accepted;
  }

  /**
   * Sends a message to all connections that have subscribed to a topic. It is encoded, and compressed, only once. What is published on one
   * topic comes to each subscriber in that order; what is published in one turn of the event loop leaves in one write.
   *
   * @param topic 1 to 255 bytes of UTF-8, without control characters
   * @param message as for `send`, but no stream, and no `Blob`: read it before
   * @returns resolves when the message was handed over, at once. For a topic with `history`: when it is stored, with its position. That
   *   promise rejects with `HWS_BACKPLANE_AWAY` after the server has ended; if you await it, catch that; if not, it counts as handled, and `onError` is told until `onTerminate`
   * @throws {InvalidArgumentError} for a value that `send` does not accept, an object that JSON cannot hold (its `cause` says why), a `Blob`,
   *   or a topic or options of another type
   * @throws {OutOfRangeError} for a topic that is empty or too long, or a message of a topic with history above `maxMessageSize`
   * @example
   * void wss.publish("prices", { eur: 1.08 }, { key: "eur" });
   */
  publish<M extends Message>(
    topic: string,
    message: PublishableOf<Out, M>,
    options: PublishOptions = {},
  ): Promise<Published> {
    checkOptionNames("publish", options);
    const except = connectionsOf("publish: except", options.except);
    return this.#lifecycle.clients.topics.publish(topic, message, options, except);
  }

  /**
   * The position after the newest message of a topic with `history`. Read it, load your own state, and subscribe `since` it: nothing is missing
   * between them.
   *
   * @throws {InvalidArgumentError} for a topic of another type, or one without history
   * @throws {OutOfRangeError} for a topic that is empty or too long
   */
  position(topic: string): Promise<string> {
    return this.#lifecycle.clients.topics.position(topic);
  }

  /**
   * Who is present in a topic, on all servers: those whose connections have subscribed with `presence`, in the order in which they came.
   *
   * @param topic 1 to 255 bytes of UTF-8, without control characters
   * @param options `limit`: the most members, 0 to 100,000, default 1,000. `total` counts all of them
   * @returns rejects with `HWS_BACKPLANE_AWAY` while the broker cannot be reached; if you await it, catch that; if not, it counts as handled, and `onError` is told until `onTerminate`
   * @throws {InvalidArgumentError} for a topic or options of another type
   * @throws {OutOfRangeError} for a topic that is empty or too long, or a limit out of range
   * @example
   * const { total, members } = await wss.presence("chat:7");
   */
  presence(topic: string, options?: { readonly limit?: number | undefined }): Promise<PresenceList> {
    return this.#lifecycle.clients.topics.presence(topic, options);
  }

  /**
   * The connections that have subscribed to a topic: a live collection, like `connections`. A connection leaves it before its
   * `onTerminate` is called.
   *
   * @throws {InvalidArgumentError} for a topic of another type, or with control characters
   * @throws {OutOfRangeError} for a topic that is empty or too long
   */
  subscribers(topic: string): Connections<WebSocketConnection<HandlerOf<S>, Out, KnownHandler<S>>> {
    return new Connections(this.#lifecycle.clients.topics.subscribers(topic) as unknown as Source<S, Out>);
  }

  /**
   * Closes the server. New clients are refused (HTTP 503 with `Retry-After`). Each connection gets a close frame with 1001
   * and the reason `retry-after=N` after the messages that were sent before, and its socket is destroyed when the peer has answered. Connections are
   * closed in batches (`closeBatchSize`) within the first half of the timeout, and work normally until then. Your own web
   * server keeps running.
   *
   * @param timeout **seconds** until the remaining connections are destroyed. 0: all are destroyed at once, without close
   *   frames. Above 300 the process is warned: milliseconds may be meant. Default: the option `closeTimeout`
   * @param options the `code` and the `reason` that all peers get. A later call changes neither
   * @returns settles after `onTerminate`, which follows the `onTerminate` of every connection. Promises of callbacks are awaited until the
   *   timeout, and no longer
   * @throws {InvalidArgumentError} for a timeout that is not a number, or options of another type
   * @throws {OutOfRangeError} for a negative timeout, a code that must not be sent, or a reason that is too long
   */
  terminate(timeout?: number, options?: ShutdownOptions): Promise<void> {
    if (timeout !== undefined && typeof timeout !== "number")
      throw new InvalidArgumentError("terminate: timeout: expected a number of seconds");
    if (timeout !== undefined && !(timeout >= 0 && timeout <= MAX_SECONDS)) {
      throw new OutOfRangeError(
        `terminate: timeout: expected 0 to ${String(MAX_SECONDS)} seconds, got ${String(timeout)}`,
      );
    }
    return this.#lifecycle.terminate(timeout, options === undefined ? undefined : readShutdownOptions(options));
  }
}

function readShutdownOptions(options: unknown): ShutdownOptions {
  if (typeof options !== "object" || options === null)
    throw new InvalidArgumentError("terminate: options: expected an object");
  const { code, reason } = options as { code?: unknown; reason?: unknown };
  checkSendableCode("terminate: code", code);
  checkReason("terminate: reason", reason);
  return { code, reason };
}

/** The longest time of Node's timers, in seconds: 24 days. */
const MAX_SECONDS = 2_147_483;

/**
 * Checks a server's handler.
 *
 * @throws {InvalidArgumentError} when it is not an object, or one of its callbacks is not a function
 */
function checkServerHandler(handler: unknown): void {
  if (typeof handler !== "object" || handler === null)
    throw new InvalidArgumentError(`handler: expected an object with onConnection, got ${describe(handler)}`);
  const callbacks = handler as Record<string, unknown>;
  if (typeof callbacks["onConnection"] !== "function")
    throw new InvalidArgumentError(`handler: onConnection: expected a function${mistakeIn(handler)}`);
  for (const name of SERVER_CALLBACKS) {
    if (callbacks[name] !== undefined && typeof callbacks[name] !== "function")
      throw new InvalidArgumentError(`handler: ${name}: expected a function`);
  }
}

/** What may be meant with an object that has no `onConnection`. */
function mistakeIn(handler: object): string {
  const names = Object.keys(handler);
  if (names.length > 0 && names.every(isOptionName))
    return ". The handler is the first argument, the options are the second";
  const [text] = misspeltCallbacks(handler, ["onConnection"]);
  return text === undefined ? "" : `. ${text}`;
}
