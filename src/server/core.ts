import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";

import type { Callbacks } from "../connection/handler/caller.ts";
import { Connection } from "../connection/connection.ts";
import type { ConnectionHost } from "../connection/host.ts";
import { NO_MESSAGES, addMessages } from "../connection/counters/messages.ts";
import type { Culprit } from "../connection/handler/events.ts";
import { HawserError, InvalidArgumentError } from "../errors/errors.ts";
import type { ErrorCode } from "../errors/table.ts";
import { readHttp1 } from "../handshake/http1.ts";
import type { Accepted, Offer } from "../handshake/offer.ts";
import { Refusal } from "../handshake/refusal.ts";
import { pathOf } from "../handshake/request.ts";
import { sendRefusal } from "../handshake/response.ts";
import type { Bytes } from "../protocol/bytes.ts";
import { CloseCode } from "../protocol/close.ts";
import { Admission, type AdmissionHost, internalError } from "./admission.ts";
import { claim, endsBehindAnswer, isTaken } from "./claim.ts";
import type { ConnectionEvent } from "./connection-event.ts";
import type { ServerCounters } from "./counters.ts";
import type { Settings } from "./settings.ts";
import { Farewell } from "./farewell.ts";
import { type Client, type Crowd, Gate } from "./gate.ts";
import { Heartbeat } from "./heartbeat.ts";
import { Place, type PlaceListener } from "./place.ts";
import { Roster } from "./roster.ts";
import { noSuchPath } from "./router.ts";
import type { ServerCaller } from "./server-caller.ts";
import { type WebSocketConnection, coreOf } from "./websocket-connection.ts";

/** Makes the user's object for a connection. */
export type MakeFace = (connection: Connection, id: number, protocol: string | undefined) => WebSocketConnection;

/** Errors of a connection that are not its peer's doing. */
const OURS: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["HWS_SEND_FAILED", "HWS_INTERNAL"]);

/** HTTP's status for a request whose headers are beyond `maxHeaderSize` (RFC 6585 5). */
const HEADERS_TOO_LARGE = 431;

/** Seconds after which a client that was turned away may try again, the least and the most: not all at once. */
const RETRY_AFTER = { least: 1, most: 10 } as const;

/**
 * The life of a server behind `WebSocketServer`: who asks to connect, who is connected, and the way down.
 */
export class ServerCore implements PlaceListener, AdmissionHost, ConnectionHost, Crowd {
  readonly path: string | undefined;
  readonly handshakeTimeout: number;
  /** Who is connected. */
  readonly roster = new Roster<WebSocketConnection>();

  readonly #settings: Settings;
  readonly #caller: ServerCaller;
  readonly #makeFace: MakeFace;
  readonly #place: Place;
  readonly #gate: Gate;
  readonly #heartbeat: Heartbeat<WebSocketConnection>;
  readonly #admissions = new Set<Admission>();
  /** Those that have left the roster, and whose handler has not heard its last. */
  readonly #leaving = new Set<Connection>();

  #nextId = 1;
  /** The messages of those that are gone. */
  #goneMessages = NO_MESSAGES;
  #farewell: Farewell<WebSocketConnection> | undefined;
  #started = false;
  #terminated = false;
  #end: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined;
  #deadlines: NodeJS.Timeout[] = [];

  constructor(settings: Settings, caller: ServerCaller, makeFace: MakeFace) {
    this.path = settings.path;
    this.handshakeTimeout = settings.handshakeTimeout;
    this.#settings = settings;
    this.#caller = caller;
    this.#makeFace = makeFace;
    this.#gate = new Gate(settings, this);
    this.#heartbeat = new Heartbeat(settings.life.tick, this.roster, (one) => {
      coreOf(one).look();
    });
    this.#place = new Place(settings, this);
  }

  /** True once everything is closed. */
  get terminated(): boolean {
    return this.#terminated;
  }

  /** What was counted. */
  get counters(): ServerCounters {
    let messages = this.#goneMessages;
    for (const connection of this.roster.list) messages = addMessages(messages, coreOf(connection).counters);
    const opened = this.#nextId - 1;
    const connections = { opened, closed: opened - this.roster.size };
    return { connections, messages, limits: { ...this.#settings.tally } };
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
    if (isTaken(socket)) throw new InvalidArgumentError("handleUpgrade: socket: it has been handed over before");
    if (this.path === undefined || pathOf(message) === this.path) this.admit(message, socket, head);
    else sendRefusal(socket, noSuchPath(), message.method);
  }

  admit(message: IncomingMessage, socket: Duplex, head: Bytes): void {
    claim(socket);
    // Until the connection listens, a socket that fails must not end the process.
    socket.on("error", ignore);
    this.#place.asked(socket);
    if (endsBehindAnswer(socket)) return;
    const full = this.#end === undefined ? this.#gate.refusal() : undefined;
    if (full !== undefined) {
      sendRefusal(socket, full, message.method);
      return;
    }
    const offer = this.#read(message, socket, head);
    if (offer instanceof Refusal) {
      if (offer.status === HEADERS_TOO_LARGE) this.#settings.tally.maxHeaderSize++;
      sendRefusal(socket, offer, message.method);
      return;
    }
    // `onOpen` may terminate the server.
    this.started();
    if (this.#end !== undefined) offer.refuse(goingDown());
    else this.#consider(offer);
  }

  #consider(offer: Offer): void {
    const unwelcome = this.#gate.refusalOf(offer.request);
    if (unwelcome !== undefined) {
      offer.refuse(unwelcome);
      return;
    }
    const admission = new Admission(offer, this);
    // Known before it is asked: `onConnection` may terminate the server.
    this.#admissions.add(admission);
    this.#gate.enter(admission, offer.request);
    admission.start(() => {
      this.#admissions.delete(admission);
      this.#gate.leave(admission);
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

  started(): void {
    if (this.#started || this.#end !== undefined) return;
    this.#started = true;
    this.#caller.open();
  }

  placeFailed(error: Error, lost: boolean): void {
    this.#caller.error(error, "library", lost);
    if (lost) void this.terminate(0);
  }

  placeClosed(): void {
    void this.terminate();
  }

  // From an admission.

  ask(event: ConnectionEvent): unknown {
    return this.#caller.ask(event);
  }

  late(): void {
    this.#settings.tally.handshakeTimeout++;
  }

  connect(offer: Offer, accepted: Accepted, handler: Callbacks, protocol: string | undefined): void {
    const { stream, preamble, head } = accepted;
    const id = this.#nextId++;
    const connection = new Connection(stream, handler, this.#settings, this, (core) =>
      this.#makeFace(core, id, protocol),
    );
    this.roster.add(connection.face as WebSocketConnection);
    this.#gate.enter(connection, offer.request);
    this.#heartbeat.start();
    try {
      connection.start(preamble, head);
      stream.off("error", ignore);
    } catch (error) {
      this.failed(error, false);
      connection.destroy();
    }
  }

  failed(error: unknown, thrown: boolean): void {
    this.#caller.error(error, thrown ? "handler" : "library", true);
  }

  // From a connection.

  get now(): number {
    return this.#heartbeat.now;
  }

  left(connection: Connection): void {
    this.roster.remove(connection.face as WebSocketConnection);
    this.#leaving.add(connection);
    this.#gate.leave(connection);
    this.#goneMessages = addMessages(this.#goneMessages, connection.counters);
    if (this.roster.size === 0) this.#heartbeat.stop();
  }

  finished(connection: Connection): void {
    this.#leaving.delete(connection);
    this.#finishIfEmpty();
  }

  report(connection: Connection, error: unknown, culprit: Culprit): void {
    // What a peer does wrong is for those who asked to hear it; a mistake of the user's is not to be missed.
    const grave = culprit === "handler" || (error instanceof HawserError && OURS.has(error.code));
    this.#caller.error(error, culprit, grave, connection.face as WebSocketConnection);
  }

  // From the gate.

  get connected(): number {
    return this.roster.size + this.#leaving.size;
  }

  get asking(): number {
    return this.#admissions.size;
  }

  *everyone(): Iterable<Client> {
    for (const connection of this.roster.list) yield coreOf(connection);
    yield* this.#admissions;
  }

  #read(message: IncomingMessage, socket: Duplex, head: Bytes): Offer | Refusal {
    try {
      return readHttp1(message, socket, head, this.#settings);
    } catch (error) {
      // The user's function that decides on origins.
      this.failed(error, true);
      return internalError();
    }
  }

  /** Lets nobody in any more, and tells those who are there within half of `timeout` milliseconds; 0: nobody is told. */
  #beginEnd(timeout: number): void {
    for (const admission of this.#admissions) admission.refuse(goingDown());
    if (timeout > 0) {
      // RFC 6455 7.4.1: 1001, going away.
      const until = performance.now() + timeout;
      const goAway = (one: WebSocketConnection): void => coreOf(one).terminate(CloseCode.goingAway, undefined, until);
      this.#farewell = new Farewell(this.#settings, this.roster.list, goAway);
      this.#farewell.start(timeout);
    }
    this.#finishIfEmpty();
  }

  #destroyAll(): void {
    this.#farewell?.stop();
    for (const connection of this.roster.list) coreOf(connection).destroy();
    for (const connection of this.#leaving) connection.destroy();
  }

  #finishIfEmpty(): void {
    if (this.#end === undefined || this.roster.size + this.#leaving.size > 0) return;
    for (const deadline of this.#deadlines) clearTimeout(deadline);
    void this.#finish(this.#end.resolve);
  }

  async #finish(resolve: () => void): Promise<void> {
    this.#farewell?.stop();
    this.#place.leave();
    // Whoever called `terminate` gets its promise before `onTerminate` comes.
    await Promise.resolve();
    if (this.#terminated) return;
    this.#terminated = true;
    for (const deadline of this.#deadlines) clearTimeout(deadline);
    this.#caller.terminate();
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
