import type { AddressInfo } from "node:net";
import { Duplex } from "node:stream";

import { type CloseCause, closeBecause } from "../connection/closing.ts";
import { Connection } from "../connection/connection.ts";
import type { ConnectionOwner } from "../connection/connection-owner.ts";
import { NO_MESSAGES, addMessages } from "../connection/counters/message-counters.ts";
import type { ErrorSource, WSTerminateEvent } from "../connection/dispatch/events.ts";
import type { HandlerCallbacks } from "../connection/dispatch/handler-callbacks.ts";
import { HawserError, InvalidArgumentError, asHawserError } from "../errors/errors.ts";
import type { ErrorCode } from "../errors/table.ts";
import { NodeRequest, pathOf } from "../handshake/node-request.ts";
import type { RawRequest, RequestDetails } from "../handshake/request.ts";
import type { PathParams } from "./path-pattern.ts";
import type { WebServer } from "./web-server.ts";
import { type PathRule, matchPath } from "./path-rule.ts";
import { extensionsText } from "../handshake/rules/extensions.ts";
import type { Addressed } from "../handshake/peer-address.ts";
import type { Refusal } from "../handshake/refusal.ts";
import type { AcceptedHandshake } from "../handshake/offer.ts";
import type { Bytes } from "../protocol/bytes.ts";
import { isInstanceOf } from "../util/attempt.ts";
import { BusyCallbacks } from "../connection/dispatch/busy-callbacks.ts";
import type { AdmittedClient } from "./pending-handshake.ts";
import { GracefulShutdown, type ShutdownOptions } from "./graceful-shutdown.ts";
import { HandshakeAcceptor, type HandshakeListener } from "./handshake-acceptor.ts";
import { LivenessTimer } from "../connection/keepalive/liveness-timer.ts";
import type { Undecided } from "./held-sockets.ts";
import { HttpBinding, type HttpBindingListener } from "./http-binding.ts";
import { ServerClients } from "./server-clients.ts";
import type { ServerCounters } from "./server-counters.ts";
import { Readiness, failUncaught } from "./readiness.ts";
import type { RefusalReport } from "./refusal-exit.ts";
import type { ServerDispatcher } from "./server-dispatcher.ts";
import type { Settings } from "./settings.ts";
import { Termination } from "./termination.ts";
import { ownerFor } from "./topic-protocol.ts";
import { isClaimed, markClaimed } from "./claimed-socket.ts";
import { connectionOf } from "./connection-of.ts";
import type { ConnectionDetails, WebSocketConnection } from "./websocket-connection.ts";

/** Milliseconds by which a connection's own timer comes after the server's time: the server cuts the connection, and says why. */
const CLOSE_TIMER_MARGIN = 100;

/** A server that closes for longer than this many seconds is unusual. Somebody who thinks of milliseconds gives thousands. */
const MANY_SECONDS = 300;

/** Makes the user's object for a connection. */
export type MakePublicConnection = (connection: Connection, details: ConnectionDetails) => WebSocketConnection;

/** Errors of a connection that the peer did not cause. */
const NOT_BY_PEER: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "HWS_SEND_FAILED",
  "HWS_INTERNAL",
  "HWS_MEMORY_TRANSFERRED",
]);

/**
 * The life of a server: it starts, opens connections, and shuts down. It is apart from `WebSocketServer` because the web
 * server and the connections call its methods, which users must not reach.
 */
export class ServerLifecycle implements HttpBindingListener, HandshakeListener, ConnectionOwner {
  readonly path: PathRule | undefined;
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
  readonly #busyCallbacks: BusyCallbacks;

  #nextId = 1;
  #opened = 0;
  /** The message counters of the connections that are closed. */
  #closedMessages = NO_MESSAGES;
  #shutdown: GracefulShutdown<WebSocketConnection> | undefined;
  #started = false;
  #terminated = false;
  /** From the first call of `terminate` on. */
  #termination: Termination | undefined;
  /** Everything has ended, and the web server is closed. A handler may still come too late. */
  #isFinished = false;

  constructor(settings: Settings, dispatcher: ServerDispatcher, makePublicConnection: MakePublicConnection) {
    this.path = settings.path;
    this.handshakeTimeout = settings.handshakeTimeout;
    this.settings = settings;
    this.#dispatcher = dispatcher;
    this.#makePublicConnection = makePublicConnection;
    this.#clients = new ServerClients(settings, dispatcher);
    this.#acceptor = new HandshakeAcceptor(settings, dispatcher, this.#clients, this);
    this.#acceptor.advice.checkServerHandler(dispatcher.handler);
    this.#livenessTimer = new LivenessTimer(settings.keepalive.tickMs, this.#clients, (connection) => {
      const core = connectionOf(connection);
      core.checkPeer();
      this.#busyCallbacks.check(core.dispatcher, connection.id, this.currentTick);
    });
    this.#busyCallbacks = new BusyCallbacks(settings.keepalive.tickMs, "See ws.waitUntil and ws.signal");
    this.#binding = new HttpBinding(settings, this);
  }

  /** Its connections, and who waits to be one. */
  get clients(): ServerClients {
    return this.#clients;
  }

  /** True after everything is closed. */
  get terminated(): boolean {
    return this.#terminated;
  }

  /** True from the first call of `terminate` on. */
  get isDraining(): boolean {
    return this.#termination !== undefined;
  }

  /** The web server; undefined: there is none. */
  get webServer(): WebServer | undefined {
    return this.#binding.server;
  }

  /** A snapshot of what was counted. */
  get counters(): ServerCounters {
    let messages = this.#closedMessages;
    const { connections: open, finishing, topics } = this.#clients;
    for (const connection of open.list) messages = addMessages(messages, connectionOf(connection).counters);
    const opened = this.#opened;
    const connections = { opened, closed: opened - open.size, leaving: finishing.size };
    const { limitCounters, taskCounters, autoResponse } = this.settings;
    const [tasks, refused, limits] = [{ ...taskCounters }, { ...this.#acceptor.exit.counters }, { ...limitCounters }];
    const autoResponses = autoResponse?.answered ?? 0;
    return { connections, tasks, messages, ...topics.counters, autoResponses, refused, limits };
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
  handleUpgrade(message: RawRequest, socket: Duplex, head: Bytes, context?: unknown): void {
    if (isClaimed(socket)) throw new InvalidArgumentError("handleUpgrade: socket: it has been handed over before");
    const params = this.match(pathOf(message), message);
    if (params === undefined) this.onUnknownPath(message, socket);
    else this.onUpgrade(message, socket, head, { params, context });
  }

  /**
   * Closes the server.
   *
   * @param seconds until all remaining connections are destroyed; default: the close timeout
   * @param closeFrame what is sent to all peers
   */
  terminate(seconds?: number, closeFrame: ShutdownOptions = {}): Promise<void> {
    if (seconds !== undefined && seconds > MANY_SECONDS) {
      const text = `terminate: ${String(seconds)} is a number of seconds: were milliseconds meant?`;
      this.#acceptor.advice.once("HWS_TERMINATE_SECONDS", text);
    }
    const timeout = seconds === undefined ? this.settings.closeTimeout : seconds * 1000;
    const isFirst = this.#termination === undefined;
    const termination = (this.#termination ??= new Termination(() => this.#destroyAll()));
    if (timeout === 0) this.#clients.held.cutAll();
    if (isFirst) this.#beginShutdown(timeout, closeFrame);
    termination.limit(timeout);
    return termination.ended;
  }

  // Calls of the web server.

  match(path: string | undefined, message: RawRequest): PathParams | undefined {
    try {
      return matchPath(this.path, path, () => new NodeRequest(message, this.settings.addressRule));
    } catch (error) {
      // The application's function has thrown: it declines.
      this.#acceptor.onHandshakeError(error, "handler");
      return undefined;
    }
  }

  onUpgrade(message: RawRequest, socket: Duplex, head: Bytes, details: RequestDetails): void {
    markClaimed(socket);
    // Until the connection listens for errors, a socket that fails must not end the process.
    socket.on("error", ignore);
    if (this.#acceptor.exit.refusePipelined(socket, message, this.#onAnswered)) return;
    this.#binding.onRequest(socket);
    const offer = this.#acceptor.read(message, socket, head, details);
    if (offer === undefined) return;
    // `onOpen` may terminate the server.
    this.onListening();
    this.#acceptor.answer(offer);
  }

  onUnknownPath(message: RawRequest, socket: Duplex): void {
    this.#binding.onRequest(socket);
    this.#acceptor.exit.refusePath(socket, message);
  }

  onUndecided(message: RawRequest, socket: Duplex, undecided: Undecided): void {
    this.#acceptor.awaitOthers(message, socket, undecided);
  }

  refuse(socket: Duplex, refusal: Refusal, message?: RawRequest): void {
    this.#binding.onRequest(socket);
    this.#acceptor.exit.refuse(socket, refusal, message);
  }

  onRefused(report: RefusalReport, message: RawRequest | undefined, peer: Addressed): void {
    this.#acceptor.exit.reportMessage(report, message, peer);
  }

  readonly #onAnswered = (socket: Duplex): void => {
    this.#binding.onRequest(socket);
  };

  onListening(): void {
    if (this.#started || this.#termination !== undefined) return;
    this.#started = true;
    this.readiness.resolve();
    this.#dispatcher.dispatchOpen();
  }

  onWebServerError(error: Error, isFatal: boolean): void {
    this.readiness.reject(error);
    if (isFatal && !this.#started && !this.readiness.isRead && !this.#dispatcher.hasOnError) failUncaught(error);
    else {
      // Errors of the user's web server are the user's. A failure to start goes to a reader of `ready`.
      const isOwn = this.settings.listen !== undefined;
      this.#dispatcher.dispatchError(error, "library", isOwn && !(isFatal && this.readiness.isRead));
    }
    if (isFatal) void this.terminate(0);
  }

  onWebServerClosed(): void {
    void this.terminate();
  }

  onPlainRequestsFinished(): void {
    this.#finishIfEmpty();
  }

  // Calls of a connection.

  get currentTick(): number {
    return this.#livenessTimer.currentTick;
  }

  onClosed(connection: Connection, event: WSTerminateEvent): void {
    this.#clients.removeConnection(connection, event);
    this.#closedMessages = addMessages(this.#closedMessages, connection.counters);
  }

  onFinished(connection: Connection): void {
    this.#clients.removeFinished(connection);
    if (this.#clients.size === 0) this.#livenessTimer.stop();
    this.#finishIfEmpty();
  }

  onConnectionError(connection: Connection, error: unknown, source: ErrorSource): void {
    // A peer's mistake is reported to `onError` only. Without an `onError`, the process is warned of all other errors.
    const warnIfUnhandled = source === "handler" || (isInstanceOf(error, HawserError) && NOT_BY_PEER.has(error.code));
    this.#dispatcher.dispatchError(error, source, warnIfUnhandled, connection.publicConnection as WebSocketConnection);
  }

  // Calls of the acceptor.

  onAccepted(accepted: AcceptedHandshake, handler: HandlerCallbacks, client: AdmittedClient): void {
    const { stream, handshakeResponse, head } = accepted;
    const connection = this.#newConnection(stream, handler, client, accepted);
    this.#opened++;
    this.#clients.addConnection(connection, client.address);
    this.#livenessTimer.start();
    try {
      connection.start(handshakeResponse, head);
      stream.off("error", ignore);
    } catch (error) {
      this.#dispatcher.dispatchError(error, "library", true);
      this.#destroy(connection, asHawserError(error));
    }
  }

  onTooLate(handler: HandlerCallbacks, client: AdmittedClient, cause: ErrorCode | undefined): void {
    // Its own stream may be gone, or another listener's by now.
    const connection = this.#newConnection(new Duplex().destroy(), handler, client);
    this.#clients.addClosed(connection, client.address);
    this.#livenessTimer.start();
    if (cause !== undefined) connection.cut(cause);
    connection.onStreamClose();
    if (this.#termination?.isOver === true) connection.destroy();
  }

  onCallEnded(): void {
    this.#finishIfEmpty();
  }

  #newConnection(
    stream: Duplex,
    handler: HandlerCallbacks,
    client: AdmittedClient,
    accepted?: AcceptedHandshake,
  ): Connection {
    const connection = new Connection(stream, handler, ownerFor(accepted?.protocol, this), accepted?.deflate);
    // Most often the text that all connections of the address share: no other one stays in memory.
    const { name } = client.address;
    const remoteAddress = name === client.remoteAddress ? name : client.remoteAddress;
    const extensions = accepted === undefined ? "" : extensionsText(accepted.extensions);
    const details = { id: this.#nextId++, protocol: accepted?.protocol, remoteAddress, extensions };
    connection.publicConnection = this.#makePublicConnection(connection, details);
    return connection;
  }

  /** Accepts no more clients, and closes all connections within half of `timeout` milliseconds. 0: it closes none. */
  #beginShutdown(timeout: number, { code, reason }: ShutdownOptions): void {
    this.#acceptor.close();
    this.#binding.drain();
    this.#clients.topics.drain();
    this.readiness.reject(new HawserError("HWS_NOT_STARTED"));
    if (timeout > 0) {
      const until = performance.now() + timeout + CLOSE_TIMER_MARGIN;
      const goAway = (connection: WebSocketConnection, retryAfter: number): void =>
        closeBecause(
          connectionOf(connection),
          "HWS_SHUTDOWN",
          { code, reason: reason ?? `retry-after=${String(retryAfter)}` },
          until,
        );
      const { list } = this.#clients.connections;
      this.#shutdown = new GracefulShutdown(this.settings, list, goAway, (connection, error) => {
        this.#dispatcher.dispatchError(error, "library", true, connection);
        this.#destroy(connectionOf(connection), "HWS_SHUTDOWN");
      });
      this.#shutdown.start(timeout);
    }
    this.#finishIfEmpty();
  }

  #destroyAll(): void {
    this.#shutdown?.stop();
    this.#clients.held.cutAll();
    for (const connection of this.#clients.connections.list) this.#destroy(connectionOf(connection), "HWS_SHUTDOWN");
    for (const connection of this.#clients.finishing) this.#destroy(connection, "HWS_SHUTDOWN");
    this.#finishIfEmpty();
  }

  /** A stream of the application may throw: the others are destroyed nevertheless. */
  #destroy(connection: Connection, cause: CloseCause): void {
    try {
      connection.destroy(cause);
    } catch (error) {
      this.#dispatcher.dispatchError(error, "library", true, connection.publicConnection as WebSocketConnection);
    }
  }

  #finishIfEmpty(): void {
    const termination = this.#termination;
    if (termination === undefined || this.#isFinished || this.#clients.size > 0) return;
    // A handler that comes too late has an `onTerminate`, which comes before that of the server.
    if (this.#clients.pendingCalls.size > 0 && !termination.isOver) return;
    this.#binding.finishPlainRequests();
    if (this.#binding.hasAnswersUnderWay && !termination.isOver) return;
    this.#isFinished = true;
    void this.#finish(termination);
  }

  async #finish(termination: Termination): Promise<void> {
    this.#shutdown?.stop();
    this.#binding.detach();
    this.#clients.held.passOnAll();
    for (const call of this.#clients.pendingCalls) call.endCall();
    // The caller of `terminate` gets its promise before `onTerminate` is called.
    await Promise.resolve();
    this.#terminated = true;
    this.#dispatcher.dispatchTerminate();
    await this.#clients.topics.close(termination.over);
    termination.end();
  }
}

function ignore(): void {
  // The stream's `close` event follows.
}
