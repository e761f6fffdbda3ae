import { EventEmitter } from "node:events";
import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";

import { warnOfUnheard } from "../connection/dispatch/unheard-errors.ts";
import { Warnings } from "../util/warnings.ts";
import { InvalidArgumentError } from "../errors/errors.ts";
import type { WSConnectionEvent } from "../server/connection-event.ts";
import type { ConnectionAnswer, WSRefusedEvent } from "../server/handlers.ts";
import type { WebSocketServerOptions } from "../server/options.ts";
import { WebSocketServer } from "../server/websocket-server.ts";
import { type WsSocket, failSocket } from "./ws-socket.ts";
import { SocketHandler, type SocketListener } from "./ws-socket-handler.ts";

/** Chooses the subprotocol of a client from those that it offers, in its order. False: none. */
export type HandleProtocols = (protocols: Set<string>, request: IncomingMessage) => string | false;

/** The options of a `WsServer`: those of a `WebSocketServer`, without `dataType`. */
export interface WsServerOptions extends Omit<WebSocketServerOptions<"auto">, "dataType"> {
  /** Chooses the subprotocol. Default: the first that the client offers, as in `ws`; with the option `protocols` the first of those. */
  readonly handleProtocols?: HandleProtocols | undefined;
}

/** What is read of `options` after the start. */
export interface WsServerSettings {
  /** Chooses the subprotocol of a client. Libraries set it. */
  handleProtocols?: HandleProtocols;
}

/** The arguments of the listeners of a `WsServer`. */
export interface WsServerEvents {
  /** A client is connected. */
  connection: [socket: WsSocket, request: IncomingMessage];
  /** The server's port can be used. */
  listening: [];
  /** The server cannot listen. */
  error: [error: Error];
  /** The library has refused a client. Not in `ws`. */
  refused: [event: WSRefusedEvent];
  /** The server and all its connections are closed. */
  close: [];
}

/** A listener as Node has it. */
type Listener = (...args: unknown[]) => void;

/**
 * A WebSocket server with the members of the package `ws` that libraries use: an emitter of `"connection"`, with `clients`. It is the
 * handler of a `WebSocketServer`, so a subclass may decide in `onConnection` who may connect.
 *
 * @example
 * const wss = new WsServer({ port: 8080 });
 * wss.on("connection", (socket, request) => {
 *   socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
 * });
 * @example
 * class Members extends WsServer {
 *   override onConnection(wss: WebSocketServer, event: WSConnectionEvent) {
 *     return event.request.cookies["session"] === undefined ? refuse(401) : super.onConnection(wss, event);
 *   }
 * }
 */
export class WsServer extends EventEmitter {
  /** The server itself, e.g. for `wss.hawser.counters`. */
  readonly hawser: WebSocketServer<WsServer, "auto">;
  /** `handleProtocols` may be set here. */
  readonly options: WsServerSettings;
  /** The sockets of all clients that are open or closing. */
  readonly clients = new Set<WsSocket>();
  #choosesFirst: boolean;
  #isClosing = false;
  /** What a listener of `"refused"` calls that rejects. */
  readonly #warnings = new Warnings();
  readonly #refusals = new WeakMap<WSRefusedEvent, (error: unknown) => void>();

  /**
   * Creates and starts a server, as `new WebSocketServer()` does: with the options `port` or `server`, or with neither for `handleUpgrade`.
   *
   * @throws {InvalidArgumentError} for an option of a wrong type or one that does not exist, such as `noServer`, which it names
   * @throws {OutOfRangeError} for a number out of range
   */
  constructor(options: WsServerOptions = {}, onListening?: () => void) {
    // A listener of "connection" that rejects fails as one that throws: see below.
    super({ captureRejections: true });
    const { handleProtocols, ...others } = options;
    if (handleProtocols !== undefined && typeof handleProtocols !== "function")
      throw new InvalidArgumentError("handleProtocols: expected a function");
    if ("dataType" in options)
      throw new InvalidArgumentError(
        "dataType: not an option here: listeners get buffers, and whether they are binary",
      );
    this.options = handleProtocols === undefined ? {} : { handleProtocols };
    this.#choosesFirst = others.protocols === undefined;
    if (onListening !== undefined) this.once("listening", onListening);
    this.hawser = new WebSocketServer<WsServer, "auto">(this, { ...others, dataType: "auto" });
    void this.hawser.ready.then(
      () => {
        if (this.hawser.httpServer !== undefined) this.#emitLater("listening");
      },
      (error: unknown) => {
        if (!this.#isClosing) this.#emitLater("error", error);
      },
    );
  }

  /** The option `path` if it is a string, or `""`. */
  get path(): string {
    return typeof this.hawser.path === "string" ? this.hawser.path : "";
  }

  /** The address on which its web server listens; null when it does not listen. */
  address(): AddressInfo | string | null {
    return this.hawser.address();
  }

  /**
   * Closes the server as `hawser.terminate()` does: new clients are refused, and all clients are closed with 1001. `"close"` follows.
   *
   * @param callback called after that, or with an error if the server was closed before
   */
  close(callback?: (error?: Error) => void): void {
    if (this.hawser.terminated) {
      if (callback !== undefined) process.nextTick(callback, new Error("The server is not running"));
      return;
    }
    this.#isClosing = true;
    if (callback !== undefined) this.once("close", () => callback());
    void this.hawser.terminate();
  }

  /**
   * Takes an upgrade request that you got. It answers 404 to a request for another path.
   *
   * @param callback called instead of the listeners of `"connection"` when the client is connected
   * @throws {InvalidArgumentError} when the socket was handed over before
   */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Uint8Array, callback: SocketListener): void {
    if (typeof callback !== "function") throw new InvalidArgumentError("handleUpgrade: callback: expected a function");
    this.hawser.handleUpgrade(request, socket, head, new Upgrade(callback));
  }

  /**
   * Is not there: use the option `path`, or `onConnection` of a subclass.
   *
   * @throws {InvalidArgumentError} always
   */
  shouldHandle(_request: IncomingMessage): boolean {
    throw new InvalidArgumentError("shouldHandle: not there: use the option path, or onConnection of a subclass");
  }

  /** Adds a listener, as every emitter of Node's does. */
  override on<E extends keyof WsServerEvents>(event: E, listener: (...args: WsServerEvents[E]) => void): this;
  override on(event: string | symbol, listener: (...args: never[]) => void): this;
  override on(event: string | symbol, listener: (...args: never[]) => void): this {
    checkEvent(event);
    return super.on(event, listener as Listener);
  }

  /** The same as `on`. */
  override addListener<E extends keyof WsServerEvents>(event: E, listener: (...args: WsServerEvents[E]) => void): this;
  override addListener(event: string | symbol, listener: (...args: never[]) => void): this;
  override addListener(event: string | symbol, listener: (...args: never[]) => void): this {
    return this.on(event, listener);
  }

  /** Adds a listener that is called once. */
  override once<E extends keyof WsServerEvents>(event: E, listener: (...args: WsServerEvents[E]) => void): this;
  override once(event: string | symbol, listener: (...args: never[]) => void): this;
  override once(event: string | symbol, listener: (...args: never[]) => void): this {
    // Node calls `on` with it.
    return super.once(event, listener as Listener);
  }

  /** Called by the library for each client. A subclass may return a refusal, and `super.onConnection(wss, event)` else. */
  onConnection(_wss: WebSocketServer, event: WSConnectionEvent): WsAnswer | PromiseLike<WsAnswer> {
    this.#chooseProtocol(event);
    const { context } = event;
    const onSocket: SocketListener =
      context instanceof Upgrade
        ? (socket, request) => context.callback(socket, request)
        : (socket, request) => this.emit("connection", socket, request);
    return new SocketHandler(event.request.raw, (socket, request) => {
      this.clients.add(socket);
      socket.once("close", () => this.clients.delete(socket));
      return onSocket(socket, request);
    });
  }

  /** Called by the library when it has refused a client: emits `"refused"`. */
  onRefused(_wss: WebSocketServer, event: WSRefusedEvent): void | Promise<void> {
    // The library does not wait for it, but handles its rejection.
    const failed = new Promise<void>((_resolve, reject) => void this.#refusals.set(event, reject));
    this.emit("refused", event);
    return failed;
  }

  /** Called by the library at the end of the server: emits `"close"`. */
  onTerminate(_wss: WebSocketServer): void {
    this.emit("close");
  }

  /**
   * A listener that returns a promise has failed if that rejects. One of `"connection"` ends that connection only. One of `"refused"` goes
   * to `onError`, as one that throws: any peer can cause it. One of `"error"` is a warning: it would be called with its own failure again.
   */
  override [EventEmitter.captureRejectionSymbol](error: unknown, event: string | symbol, argument?: unknown): void {
    if (event === "connection") failSocket(argument as WsSocket, error);
    else if (event === "refused") this.#refusals.get(argument as WSRefusedEvent)?.(error);
    else if (event === "error") warnOfUnheard(this.#warnings, error);
    else this.#emitLater("error", error);
  }

  #chooseProtocol(event: WSConnectionEvent): void {
    if (event.protocols.length === 0) return;
    const { handleProtocols } = this.options;
    if (handleProtocols !== undefined)
      event.protocol = handleProtocols(new Set(event.protocols), event.request.raw) || undefined;
    else if (this.#choosesFirst) event.protocol = event.protocols[0];
  }

  /** Not within a promise: what a listener throws, and an `"error"` without a listener, are uncaught exceptions, as everywhere in Node. */
  #emitLater(event: string, ...args: unknown[]): void {
    process.nextTick(() => this.emit(event, ...args));
  }
}

/** What `onConnection` of a `WsServer` returns. */
export type WsAnswer = ConnectionAnswer<SocketHandler>;

/** The `context` of a client that came by `handleUpgrade` of a `WsServer`. */
class Upgrade {
  readonly callback: SocketListener;

  constructor(callback: SocketListener) {
    this.callback = callback;
  }
}

/** Events of `ws` that would never come. */
const UNKNOWN = ["headers", "wsClientError"];

function checkEvent(event: string | symbol): void {
  if (typeof event === "string" && UNKNOWN.includes(event))
    throw new InvalidArgumentError(
      `on: the event "${event}" is never emitted: see event.responseHeaders of onConnection, and "refused"`,
    );
}
