import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";

import { closeBecause } from "../connection/closing.ts";
import { Connection } from "../connection/connection.ts";
import type { ConnectionOwner } from "../connection/connection-owner.ts";
import { NO_MESSAGES, addMessages } from "../connection/counters/message-counters.ts";
import type { ErrorSource } from "../connection/dispatch/events.ts";
import type { HandlerCallbacks } from "../connection/dispatch/handler-dispatcher.ts";
import { HawserError, InvalidArgumentError, asHawserError } from "../errors/errors.ts";
import type { ErrorCode } from "../errors/table.ts";
import { pathOf } from "../handshake/node-request.ts";
import { peerAddressOf } from "../handshake/peer-address.ts";
import type { Refusal } from "../handshake/refusal.ts";
import type { AcceptedHandshake } from "../handshake/offer.ts";
import type { Bytes } from "../protocol/bytes.ts";
import type { CountedAddress } from "./address-counts.ts";
import type { ConnectionRegistry } from "./connection-registry.ts";
import { GracefulShutdown } from "./graceful-shutdown.ts";
import { HandshakeAcceptor } from "./handshake-acceptor.ts";
import { LivenessTimer } from "./liveness-timer.ts";
import type { Undecided } from "./held-sockets.ts";
import { HttpBinding, type HttpBindingListener } from "./http-binding.ts";
import { ServerClients } from "./server-clients.ts";
import type { ServerCounters } from "./server-counters.ts";
import { Readiness } from "./readiness.ts";
import type { RefusalReport } from "./refusal-exit.ts";
import type { ServerDispatcher } from "./server-dispatcher.ts";
import type { Settings } from "./settings.ts";
import { isClaimed, markClaimed } from "./claimed-socket.ts";
import { type WebSocketConnection, connectionOf } from "./websocket-connection.ts";

/** Makes the user's object for a connection. */
export type MakePublicConnection = (
  connection: Connection,
  id: number,
  protocol: string | undefined,
) => WebSocketConnection;

/** Errors of a connection that the peer did not cause. */
const NOT_BY_PEER: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["HWS_SEND_FAILED", "HWS_INTERNAL"]);

/**
 * The life of a server: it starts, opens connections, and shuts down. It is apart from `WebSocketServer` because the web
 * server and the connections call its methods, which users must not reach.
 */
export class ServerLifecycle implements HttpBindingListener, ConnectionOwner {
  readonly path: string | undefined;
  readonly handshakeTimeout: number;
  readonly settings: Settings;
  /** The promise of `wss.ready`. */
  readonly readiness = new Readiness();

  readonly #dispatcher: ServerDispatcher;
  readonly #makePublicConnection: MakePublicConnection;
  readonly #binding: HttpBinding;
  readonly #clients: ServerClients;
  readonly #acceptor: HandshakeAcceptor;
  readonly #livenessTimer: LivenessTimer<WebSocketConnection>;

  #nextId = 1;
  /** The message counters of the connections that are closed. */
  #closedMessages = NO_MESSAGES;
  #shutdown: GracefulShutdown<WebSocketConnection> | undefined;
  #started = false;
  #terminated = false;
  /** The promise of `terminate`, from its first call on. */
  #termination: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined;
  #deadlines: NodeJS.Timeout[] = [];

  constructor(settings: Settings, dispatcher: ServerDispatcher, makePublicConnection: MakePublicConnection) {
    this.path = settings.path;
    this.handshakeTimeout = settings.handshakeTimeout;
    this.settings = settings;
    this.#dispatcher = dispatcher;
    this.#makePublicConnection = makePublicConnection;
    this.#clients = new ServerClients(settings);
    this.#acceptor = new HandshakeAcceptor(settings, dispatcher, this.#clients, (accepted, handler, address) => {
      this.#open(accepted, handler, address);
    });
    this.#acceptor.advice.checkServerHandler(dispatcher.handler);
    this.#livenessTimer = new LivenessTimer(settings.keepalive.tickMs, this.connections, (connection) => {
      connectionOf(connection).checkPeer();
    });
    this.#binding = new HttpBinding(settings, this);
  }

  /** The open connections. */
  get connections(): ConnectionRegistry<WebSocketConnection> {
    return this.#clients.connections;
  }

  /** True after everything is closed. */
  get terminated(): boolean {
    return this.#terminated;
  }

  /** A snapshot of what was counted. */
  get counters(): ServerCounters {
    let messages = this.#closedMessages;
    for (const connection of this.connections.list) messages = addMessages(messages, connectionOf(connection).counters);
    const opened = this.#nextId - 1;
    const connections = { opened, closed: opened - this.connections.size };
    const { exit } = this.#acceptor;
    return { connections, messages, refused: { ...exit.counters }, limits: { ...this.settings.limitCounters } };
  }

  /** The address on which the web server listens. */
  address(): AddressInfo | string | null {
    return this.#binding.address();
  }

  /**
   * Takes an upgrade request from the user. It answers 404 to a request for another path.
   *
   * @throws {InvalidArgumentError} when the socket was handed over before
   */
  handleUpgrade(message: IncomingMessage, socket: Duplex, head: Bytes): void {
    if (isClaimed(socket)) throw new InvalidArgumentError("handleUpgrade: socket: it has been handed over before");
    if (this.path === undefined || pathOf(message) === this.path) this.onUpgrade(message, socket, head);
    else this.onUnknownPath(message, socket);
  }

  /**
   * Closes the server.
   *
   * @param seconds until all remaining connections are destroyed; default: the close timeout
   * @param reason is sent to all peers. Default: `retry-after=` and a number of seconds, not the same for all
   */
  terminate(seconds?: number, reason?: string): Promise<void> {
    const timeout = seconds === undefined ? this.settings.closeTimeout : seconds * 1000;
    const isFirst = this.#termination === undefined;
    this.#termination ??= deferred();
    const { promise } = this.#termination;
    if (timeout === 0) this.#clients.held.cutAll();
    if (this.#terminated) return promise;
    if (isFirst) this.#beginShutdown(timeout, reason);
    if (timeout === 0) this.#destroyAll();
    else
      this.#deadlines.push(
        setTimeout(() => {
          this.#destroyAll();
        }, timeout),
      );
    return promise;
  }

  // Calls of the web server.

  onUpgrade(message: IncomingMessage, socket: Duplex, head: Bytes): void {
    markClaimed(socket);
    // Until the connection listens for errors, a socket that fails must not end the process.
    socket.on("error", ignore);
    if (this.#acceptor.exit.refusePipelined(socket, message, this.#onAnswered)) return;
    this.#binding.onRequest(socket);
    const offer = this.#acceptor.read(message, socket, head);
    if (offer === undefined) return;
    // `onOpen` may terminate the server.
    this.onListening();
    this.#acceptor.answer(offer);
  }

  onUnknownPath(message: IncomingMessage, socket: Duplex): void {
    this.#binding.onRequest(socket);
    this.#acceptor.exit.refusePath(socket, message);
  }

  onUndecided(message: IncomingMessage, socket: Duplex, undecided: Undecided): void {
    this.#acceptor.awaitOthers(message, socket, undecided);
  }

  refuse(socket: Duplex, refusal: Refusal): void {
    this.#binding.onRequest(socket);
    this.#acceptor.exit.refuse(socket, refusal);
  }

  onRefused(report: RefusalReport, message?: IncomingMessage): void {
    this.#acceptor.exit.reportMessage(report, message);
  }

  readonly #onAnswered = (socket: Duplex): void => {
    this.#binding.onRequest(socket);
    this.#clients.held.linger(socket, peerAddressOf(socket));
  };

  onListening(): void {
    if (this.#started || this.#termination !== undefined) return;
    this.#started = true;
    this.readiness.resolve();
    this.#dispatcher.dispatchOpen();
  }

  onWebServerError(error: Error, isFatal: boolean): void {
    this.readiness.reject(error);
    if (isFatal && !this.#started && !this.readiness.isRead && !this.#dispatcher.hasOnError)
      process.nextTick(throwUncaught, error);
    else this.#dispatcher.dispatchError(error, "library", isFatal && !this.readiness.isRead);
    if (isFatal) void this.terminate(0);
  }

  onWebServerClosed(): void {
    void this.terminate();
  }

  // Calls of a connection.

  get currentTick(): number {
    return this.#livenessTimer.currentTick;
  }

  onClosed(connection: Connection): void {
    this.#clients.removeConnection(connection);
    this.#closedMessages = addMessages(this.#closedMessages, connection.counters);
    if (this.connections.size === 0) this.#livenessTimer.stop();
  }

  onFinished(connection: Connection): void {
    this.#clients.removeFinished(connection);
    this.#finishIfEmpty();
  }

  onConnectionError(connection: Connection, error: unknown, source: ErrorSource): void {
    // A peer's mistake is reported to `onError` only. Without an `onError`, the process is warned of all other errors.
    const warnIfUnhandled = source === "handler" || (error instanceof HawserError && NOT_BY_PEER.has(error.code));
    this.#dispatcher.dispatchError(error, source, warnIfUnhandled, connection.publicConnection as WebSocketConnection);
  }

  #open(
    { stream, handshakeResponse, head, protocol }: AcceptedHandshake,
    handler: HandlerCallbacks,
    address: CountedAddress,
  ) {
    const id = this.#nextId++;
    const connection = new Connection(stream, handler, this);
    connection.publicConnection = this.#makePublicConnection(connection, id, protocol);
    this.#clients.addConnection(connection, address);
    this.#livenessTimer.start();
    try {
      connection.start(handshakeResponse, head);
      stream.off("error", ignore);
    } catch (error) {
      this.#dispatcher.dispatchError(error, "library", true);
      connection.destroy(asHawserError(error));
    }
  }

  /** Accepts no more clients, and closes all connections within half of `timeout` milliseconds. 0: it closes none. */
  #beginShutdown(timeout: number, reason: string | undefined): void {
    this.#acceptor.close();
    this.readiness.reject(new HawserError("HWS_NOT_STARTED"));
    if (timeout > 0) {
      const until = performance.now() + timeout;
      const goAway = (connection: WebSocketConnection, retryAfter: number): void =>
        closeBecause(connectionOf(connection), "HWS_SHUTDOWN", reason ?? `retry-after=${String(retryAfter)}`, until);
      this.#shutdown = new GracefulShutdown(this.settings, this.connections.list, goAway);
      this.#shutdown.start(timeout);
    }
    this.#finishIfEmpty();
  }

  #destroyAll(): void {
    this.#shutdown?.stop();
    this.#clients.held.cutAll();
    for (const connection of this.connections.list) connectionOf(connection).destroy("HWS_SHUTDOWN");
    for (const connection of this.#clients.finishing) connection.destroy("HWS_SHUTDOWN");
  }

  #finishIfEmpty(): void {
    if (this.#termination === undefined || this.#clients.connectedCount > 0) return;
    for (const deadline of this.#deadlines) clearTimeout(deadline);
    void this.#finish(this.#termination.resolve);
  }

  async #finish(resolve: () => void): Promise<void> {
    this.#shutdown?.stop();
    this.#binding.detach();
    this.#clients.held.passOnAll();
    // The caller of `terminate` gets its promise before `onTerminate` is called.
    await Promise.resolve();
    if (this.#terminated) return;
    this.#terminated = true;
    for (const deadline of this.#deadlines) clearTimeout(deadline);
    this.#dispatcher.dispatchTerminate();
    resolve();
  }
}

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve: () => void = ignore;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

/** As with a server of Node that has no listener for `error`. */
function throwUncaught(error: Error): void {
  throw error;
}

function ignore(): void {
  // The stream's `close` event follows.
}
