import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";

import type { Callbacks } from "../connection/handler/caller.ts";
import { Connection, type ConnectionHost } from "../connection/connection.ts";
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
import { claim, isTaken } from "./claim.ts";
import type { ConnectionEvent } from "./connection-event.ts";
import type { Settings } from "./options.ts";
import { Place, type PlaceListener } from "./place.ts";
import { Roster } from "./roster.ts";
import { noSuchPath } from "./router.ts";
import type { ServerCaller } from "./server-caller.ts";
import { type WebSocketConnection, coreOf } from "./websocket-connection.ts";

/** Makes the user's object for a connection. */
export type MakeFace = (connection: Connection, id: number, protocol: string | undefined) => WebSocketConnection;

/** Errors of a connection that are not its peer's doing. */
const OURS: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["HWS_SEND_FAILED", "HWS_INTERNAL"]);

/** Seconds after which a client that was turned away may try again. */
const RETRY_AFTER = "5";

/**
 * The life of a server behind `WebSocketServer`: who asks to connect, who is connected, and the way down.
 */
export class ServerCore implements PlaceListener, AdmissionHost, ConnectionHost {
  readonly path: string | undefined;
  readonly handshakeTimeout: number;
  /** Who is connected. */
  readonly roster = new Roster<WebSocketConnection>();

  readonly #settings: Settings;
  readonly #caller: ServerCaller;
  readonly #makeFace: MakeFace;
  readonly #place: Place;
  readonly #admissions = new Set<Admission>();
  /** Those that have left the roster, and whose handler has not heard its last. */
  readonly #leaving = new Set<Connection>();

  #nextId = 1;
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
    this.#place = new Place(settings, this);
  }

  /** True once everything is closed. */
  get terminated(): boolean {
    return this.#terminated;
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
    else sendRefusal(socket, noSuchPath());
  }

  admit(message: IncomingMessage, socket: Duplex, head: Bytes): void {
    claim(socket);
    // Until the connection listens, a socket that fails must not end the process.
    socket.on("error", ignore);
    const offer = this.#read(message, socket, head);
    if (offer instanceof Refusal) {
      sendRefusal(socket, offer);
      return;
    }
    // `onOpen` may terminate the server.
    this.started();
    if (this.#end !== undefined) {
      offer.refuse(goingDown());
      return;
    }
    const admission = new Admission(offer, this);
    // Known before it is asked: `onConnection` may terminate the server.
    this.#admissions.add(admission);
    admission.start(() => this.#admissions.delete(admission));
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
    if (!begun) this.#beginEnd(timeout === 0);
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

  connect({ stream, preamble, head }: Accepted, handler: Callbacks, protocol: string | undefined): void {
    const id = this.#nextId++;
    const connection = new Connection(stream, handler, this.#settings, this, (core) =>
      this.#makeFace(core, id, protocol),
    );
    this.roster.add(connection.face as WebSocketConnection);
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

  left(connection: Connection): void {
    this.roster.remove(connection.face as WebSocketConnection);
    this.#leaving.add(connection);
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

  #read(message: IncomingMessage, socket: Duplex, head: Bytes): Offer | Refusal {
    try {
      return readHttp1(message, socket, head, this.#settings);
    } catch (error) {
      // The user's function that decides on origins.
      this.failed(error, true);
      return internalError();
    }
  }

  #beginEnd(atOnce: boolean): void {
    this.#place.close();
    for (const admission of this.#admissions) admission.refuse(goingDown());
    // RFC 6455 7.4.1: 1001, going away.
    if (!atOnce) for (const connection of this.roster.list) coreOf(connection).terminate(CloseCode.goingAway);
    this.#finishIfEmpty();
  }

  #destroyAll(): void {
    for (const connection of this.roster.list) coreOf(connection).destroy();
    for (const connection of this.#leaving) connection.destroy();
  }

  #finishIfEmpty(): void {
    if (this.#end === undefined || this.roster.size + this.#leaving.size > 0) return;
    for (const deadline of this.#deadlines) clearTimeout(deadline);
    void this.#finish(this.#end.resolve);
  }

  async #finish(resolve: () => void): Promise<void> {
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
  return new Refusal(503, "The server is going down.", { "Retry-After": RETRY_AFTER });
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
