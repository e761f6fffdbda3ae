import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";

import type { HandlerCallbacks } from "../connection/dispatch/handler-dispatcher.ts";
import { Connection } from "../connection/connection.ts";
import type { ConnectionOwner } from "../connection/connection-owner.ts";
import { NO_MESSAGES, addMessages } from "../connection/counters/message-counters.ts";
import type { ErrorSource } from "../connection/dispatch/events.ts";
import { HawserError, InvalidArgumentError } from "../errors/errors.ts";
import type { ErrorCode } from "../errors/table.ts";
import { readHttp1 } from "../handshake/http1.ts";
import type { AcceptedHandshake, HandshakeOffer } from "../handshake/offer.ts";
import { Refusal } from "../handshake/refusal.ts";
import { HEADERS_TOO_LARGE, INTERNAL_ERROR, PATH_NOT_FOUND } from "../handshake/refusals.ts";
import { pathOf } from "../handshake/node-request.ts";
import { sendRefusal } from "../handshake/response.ts";
import type { Bytes } from "../protocol/bytes.ts";
import { CloseCode } from "../protocol/close-frame.ts";
import { PendingHandshake, type HandshakeHost } from "./pending-handshake.ts";
import { markUpgraded, endAfterPendingAnswer, isUpgraded } from "./upgraded-socket.ts";
import type { WSConnectionEvent } from "./connection-event.ts";
import type { ServerCounters } from "./server-counters.ts";
import type { Settings } from "./settings.ts";
import { GracefulShutdown } from "./graceful-shutdown.ts";
import { type Client, type ClientSource, ConnectionLimiter } from "./connection-limiter.ts";
import { Heartbeat } from "./heartbeat.ts";
import { HttpBinding, type HttpBindingListener } from "./http-binding.ts";
import { ConnectionRegistry } from "./connection-registry.ts";
import type { ServerDispatcher } from "./server-dispatcher.ts";
import { type WebSocketConnection, connectionOf } from "./websocket-connection.ts";

/** Makes the user's object for a connection. */
export type MakePublicConnection = (
  connection: Connection,
  id: number,
  protocol: string | undefined,
) => WebSocketConnection;

/** Errors of a connection that are not its peer's doing. */
const OURS: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["HWS_SEND_FAILED", "HWS_INTERNAL"]);

/** Seconds after which a client that was turned away may try again, the least and the most: not all at once. */
const RETRY_AFTER = { least: 1, most: 10 } as const;

/**
 * The life of a server behind `WebSocketServer`: who asks to connect, who is connected, and the way down.
 */
export class ServerCore implements HttpBindingListener, HandshakeHost, ConnectionOwner, ClientSource {
  readonly path: string | undefined;
  readonly handshakeTimeout: number;
  /** Who is connected. */
  readonly roster = new ConnectionRegistry<WebSocketConnection>();

  readonly #settings: Settings;
  readonly #caller: ServerDispatcher;
  readonly #makeFace: MakePublicConnection;
  readonly #place: HttpBinding;
  readonly #gate: ConnectionLimiter;
  readonly #heartbeat: Heartbeat<WebSocketConnection>;
  readonly #admissions = new Set<PendingHandshake>();
  /** Those that have left the roster, and whose handler has not heard its last. */
  readonly #leaving = new Set<Connection>();

  #nextId = 1;
  /** The messages of those that are gone. */
  #goneMessages = NO_MESSAGES;
  #farewell: GracefulShutdown<WebSocketConnection> | undefined;
  #started = false;
  #terminated = false;
  #end: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined;
  #deadlines: NodeJS.Timeout[] = [];

  constructor(settings: Settings, caller: ServerDispatcher, makeFace: MakePublicConnection) {
    this.path = settings.path;
    this.handshakeTimeout = settings.handshakeTimeout;
    this.#settings = settings;
    this.#caller = caller;
    this.#makeFace = makeFace;
    this.#gate = new ConnectionLimiter(settings, this);
    this.#heartbeat = new Heartbeat(settings.life.tick, this.roster, (one) => {
      connectionOf(one).checkPeer();
    });
    this.#place = new HttpBinding(settings, this);
  }

  /** True once everything is closed. */
  get terminated(): boolean {
    return this.#terminated;
  }

  /** What was counted. */
  get counters(): ServerCounters {
    let messages = this.#goneMessages;
    for (const connection of this.roster.list) messages = addMessages(messages, connectionOf(connection).counters);
    const opened = this.#nextId - 1;
    const connections = { opened, closed: opened - this.roster.size };
    return { connections, messages, limits: { ...this.#settings.limitCounters } };
  }

  /** Where it listens. */
  address(): AddressInfo | string | null {
    return this.#place.address();
  }

  /**
   * Takes an upgrade request that the user has been handed: for another path it answers 404.
   *
   * @throws {InvalidArgumentError} when the socket has been handed over before
   */
  handleUpgrade(message: IncomingMessage, socket: Duplex, head: Bytes): void {
    if (isUpgraded(socket)) throw new InvalidArgumentError("handleUpgrade: socket: it has been handed over before");
    if (this.path === undefined || pathOf(message) === this.path) this.onUpgrade(message, socket, head);
    else sendRefusal(socket, PATH_NOT_FOUND, message.method);
  }

  onUpgrade(message: IncomingMessage, socket: Duplex, head: Bytes): void {
    markUpgraded(socket);
    // Until the connection listens, a socket that fails must not end the process.
    socket.on("error", ignore);
    this.#place.onRequest(socket);
    if (endAfterPendingAnswer(socket)) return;
    const full = this.#end === undefined ? this.#gate.refusal() : undefined;
    if (full !== undefined) {
      sendRefusal(socket, full, message.method);
      return;
    }
    const offer = this.#read(message, socket, head);
    if (offer instanceof Refusal) {
      if (offer === HEADERS_TOO_LARGE) this.#settings.limitCounters.maxHeaderSize++;
      sendRefusal(socket, offer, message.method);
      return;
    }
    // `onOpen` may terminate the server.
    this.onListening();
    if (this.#end !== undefined) offer.refuse(goingDown());
    else this.#consider(offer);
  }

  #consider(offer: HandshakeOffer): void {
    const unwelcome = this.#gate.refusalFor(offer.request);
    if (unwelcome !== undefined) {
      offer.refuse(unwelcome);
      return;
    }
    const admission = new PendingHandshake(offer, this);
    // Known before it is asked: `onConnection` may terminate the server.
    this.#admissions.add(admission);
    this.#gate.add(admission, offer.request);
    admission.start(() => {
      this.#admissions.delete(admission);
      this.#gate.remove(admission);
    });
  }

  /**
   * Closes the server.
   *
   * @param seconds until everything left is destroyed; default: the close timeout
   */
  terminate(seconds?: number): Promise<void> {
    const timeout = seconds === undefined ? this.#settings.closeTimeout : seconds * 1000;
    const begun = this.#end !== undefined;
    this.#end ??= deferred();
    const { promise } = this.#end;
    if (this.#terminated) return promise;
    if (!begun) this.#beginEnd(timeout);
    if (timeout === 0) this.#destroyAll();
    else
      this.#deadlines.push(
        setTimeout(() => {
          this.#destroyAll();
        }, timeout),
      );
    return promise;
  }

  // From the place.

  onListening(): void {
    if (this.#started || this.#end !== undefined) return;
    this.#started = true;
    this.#caller.dispatchOpen();
  }

  onWebServerError(error: Error, lost: boolean): void {
    this.#caller.dispatchError(error, "library", lost);
    if (lost) void this.terminate(0);
  }

  onWebServerClosed(): void {
    void this.terminate();
  }

  // From an admission.

  callOnConnection(event: WSConnectionEvent): unknown {
    return this.#caller.callOnConnection(event);
  }

  onHandshakeTimeout(): void {
    this.#settings.limitCounters.handshakeTimeout++;
  }

  connect(offer: HandshakeOffer, accepted: AcceptedHandshake, handler: HandlerCallbacks): void {
    const { stream, preamble, head, protocol } = accepted;
    const id = this.#nextId++;
    const connection = new Connection(stream, handler, this.#settings, this, (core) =>
      this.#makeFace(core, id, protocol),
    );
    this.roster.add(connection.publicConnection as WebSocketConnection);
    this.#gate.add(connection, offer.request);
    this.#heartbeat.start();
    try {
      connection.start(preamble, head);
      stream.off("error", ignore);
    } catch (error) {
      this.onHandshakeError(error, false);
      connection.destroy();
    }
  }

  onHandshakeError(error: unknown, thrown: boolean): void {
    this.#caller.dispatchError(error, thrown ? "handler" : "library", true);
  }

  // From a connection.

  get now(): number {
    return this.#heartbeat.now;
  }

  onClosed(connection: Connection): void {
    this.roster.remove(connection.publicConnection as WebSocketConnection);
    this.#leaving.add(connection);
    this.#gate.remove(connection);
    this.#goneMessages = addMessages(this.#goneMessages, connection.counters);
    if (this.roster.size === 0) this.#heartbeat.stop();
  }

  onFinished(connection: Connection): void {
    this.#leaving.delete(connection);
    this.#finishIfEmpty();
  }

  onConnectionError(connection: Connection, error: unknown, culprit: ErrorSource): void {
    // What a peer does wrong is for those who asked to hear it; a mistake of the user's is not to be missed.
    const grave = culprit === "handler" || (error instanceof HawserError && OURS.has(error.code));
    this.#caller.dispatchError(error, culprit, grave, connection.publicConnection as WebSocketConnection);
  }

  // From the gate.

  get connectedCount(): number {
    return this.roster.size + this.#leaving.size;
  }

  get pendingCount(): number {
    return this.#admissions.size;
  }

  *clients(): Iterable<Client> {
    for (const connection of this.roster.list) yield connectionOf(connection);
    yield* this.#admissions;
  }

  #read(message: IncomingMessage, socket: Duplex, head: Bytes): HandshakeOffer | Refusal {
    try {
      return readHttp1(message, socket, head, this.#settings);
    } catch (error) {
      // The user's function that decides on origins.
      this.onHandshakeError(error, true);
      return INTERNAL_ERROR;
    }
  }

  /** Lets nobody in any more, and tells those who are there within half of `timeout` milliseconds; 0: nobody is told. */
  #beginEnd(timeout: number): void {
    for (const admission of this.#admissions) admission.refuse(goingDown());
    if (timeout > 0) {
      // RFC 6455 7.4.1: 1001, going away.
      const until = performance.now() + timeout;
      const goAway = (one: WebSocketConnection): void =>
        connectionOf(one).terminate(CloseCode.goingAway, undefined, until);
      this.#farewell = new GracefulShutdown(this.#settings, this.roster.list, goAway);
      this.#farewell.start(timeout);
    }
    this.#finishIfEmpty();
  }

  #destroyAll(): void {
    this.#farewell?.stop();
    for (const connection of this.roster.list) connectionOf(connection).destroy();
    for (const connection of this.#leaving) connection.destroy();
  }

  #finishIfEmpty(): void {
    if (this.#end === undefined || this.roster.size + this.#leaving.size > 0) return;
    for (const deadline of this.#deadlines) clearTimeout(deadline);
    void this.#finish(this.#end.resolve);
  }

  async #finish(resolve: () => void): Promise<void> {
    this.#farewell?.stop();
    this.#place.detach();
    // Whoever called `terminate` gets its promise before `onTerminate` comes.
    await Promise.resolve();
    if (this.#terminated) return;
    this.#terminated = true;
    for (const deadline of this.#deadlines) clearTimeout(deadline);
    this.#caller.dispatchTerminate();
    resolve();
  }
}

function goingDown(): Refusal {
  const { least, most } = RETRY_AFTER;
  const seconds = least + Math.floor(Math.random() * (most - least + 1));
  return new Refusal(503, "The server is going down.", { "Retry-After": String(seconds) });
}

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve: () => void = ignore;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

function ignore(): void {
  // The stream's `close` follows.
}
