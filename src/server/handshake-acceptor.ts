import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

import type { HandlerCallbacks } from "../connection/dispatch/handler-callbacks.ts";
import { type AcceptedDeflate, acceptDeflate } from "../compression/negotiation.ts";
import { HawserError } from "../errors/errors.ts";
import type { ErrorCode } from "../errors/table.ts";
import { readHttp1 } from "../handshake/http1.ts";
import { readHttp2 } from "../handshake/http2.ts";
import { isServerStream } from "../handshake/http2-stream.ts";
import { NodeRequest } from "../handshake/node-request.ts";
import type { AcceptedHandshake, HandshakeOffer } from "../handshake/offer.ts";
import { Refusal } from "../handshake/refusal.ts";
import type { RawRequest, RequestDetails } from "../handshake/request.ts";
import { HEADERS_TOO_LARGE, INTERNAL_ERROR } from "../handshake/refusals.ts";
import type { Bytes } from "../protocol/bytes.ts";
import { isInstanceOf } from "../util/attempt.ts";
import { Advice } from "./advice.ts";
import { leaveToOther } from "./claimed-socket.ts";
import type { WSConnectionEvent } from "./connection-event.ts";
import type { Undecided } from "./held-sockets.ts";
import { type AdmittedClient, type HandshakeOwner, PendingHandshake } from "./pending-handshake.ts";
import { RefusalExit } from "./refusal-exit.ts";
import type { ServerClients } from "./server-clients.ts";
import type { ServerDispatcher } from "./server-dispatcher.ts";
import type { Settings } from "./settings.ts";
import type { ErrorSource } from "../connection/dispatch/events.ts";

/** Gets the handlers that `onConnection` returned. */
export interface HandshakeListener {
  /** The handshake is accepted: a connection opens. */
  onAccepted(accepted: AcceptedHandshake, handler: HandlerCallbacks, client: AdmittedClient): void;
  /** The client has gone, or was refused before. */
  onTooLate(handler: HandlerCallbacks, client: AdmittedClient, cause: ErrorCode | undefined): void;
  /** The promise of an `onConnection` has settled, or its time is over. */
  onCallEnded(): void;
}

/** Seconds after which a client may retry when the server shuts down. They are random, so that not all retry at once. */
const RETRY_AFTER = { min: 1, max: 10 } as const;

/** Milliseconds that other `upgrade` listeners have to answer, if none of them has added a listener to the socket. */
const OTHERS_TIMEOUT = 2000;

/**
 * The same for a request with a path of ours: somebody listens to what is read from its socket. A traffic counter never answers,
 * and each handshake waits for it.
 */
const READERS_TIMEOUT = 250;

/** Takes opening handshakes from the request to a connection or a refusal. */
export class HandshakeAcceptor implements HandshakeOwner {
  readonly handshakeTimeout: number;
  readonly #settings: Settings;
  readonly #dispatcher: ServerDispatcher;
  readonly #clients: ServerClients;
  readonly #listener: HandshakeListener;
  readonly protocols: readonly string[];
  readonly advice = new Advice();
  /** Sends and reports all refusals. */
  readonly exit: RefusalExit;
  #closed = false;

  constructor(settings: Settings, dispatcher: ServerDispatcher, clients: ServerClients, listener: HandshakeListener) {
    this.handshakeTimeout = settings.handshakeTimeout;
    this.#settings = settings;
    this.#dispatcher = dispatcher;
    this.#clients = clients;
    this.#listener = listener;
    this.protocols = settings.protocols;
    this.exit = new RefusalExit(settings, dispatcher, clients.held);
  }

  /** Reads a request. Returns undefined when the request was refused. */
  read(message: RawRequest, socket: Duplex, head: Bytes, details?: RequestDetails): HandshakeOffer | undefined {
    const full = this.#closed ? undefined : this.#clients.limiter.checkCapacity(() => this.#addressOf(message));
    const offer = full ?? this.#parse(message, socket, head, details);
    if (!(offer instanceof Refusal)) return offer;
    if (offer === HEADERS_TOO_LARGE) this.#settings.limitCounters.maxHeaderSize++;
    this.exit.refuse(socket, offer, message);
    return undefined;
  }

  /** Waits for other `upgrade` listeners to answer a request. If none does, it is answered here. */
  awaitOthers(message: RawRequest, socket: Duplex, undecided: Undecided): void {
    const shortTimeout = Math.min(undecided.isForUs ? READERS_TIMEOUT : OTHERS_TIMEOUT, this.handshakeTimeout);
    const timeout = undecided.isForUs ? shortTimeout : this.handshakeTimeout;
    this.#clients.held.wait(socket, this.#addressOf(message), { ...undecided, shortTimeout, timeout });
  }

  /** Refuses the offer, or asks `onConnection` about it. */
  answer(offer: HandshakeOffer): void {
    const address = this.#closed ? shuttingDown() : this.#clients.limiter.admit(offer.request);
    if (address === undefined) {
      // The client has gone: nobody is refused.
      offer.stream.destroy();
      return;
    }
    if (address instanceof Refusal) {
      this.refuse(offer, address);
      return;
    }
    // `onRefused`, or a listener to `event.signal`, of a client that lost its place for this one may have terminated the server.
    if (this.#closed) {
      this.#clients.limiter.release(address);
      this.refuse(offer, shuttingDown());
      return;
    }
    const handshake = new PendingHandshake(offer, this, address);
    // Added before `onConnection` is called, because that may terminate the server.
    this.#clients.addPending(handshake);
    handshake.start(() => {
      this.#clients.removePending(handshake);
    });
  }

  /** Accepts no more handshakes, and refuses those that wait for `onConnection`. */
  close(): void {
    this.#closed = true;
    for (const handshake of this.#clients.pending) handshake.refuse(shuttingDown());
  }

  agreeOnCompression({ extensions }: HandshakeOffer): AcceptedDeflate | undefined {
    const { compression } = this.#settings;
    if (compression === undefined || extensions.length === 0) return undefined;
    return acceptDeflate(extensions, { windowBits: compression.windowBits, contextTakeover: compression.pool > 0 });
  }

  callOnConnection(event: WSConnectionEvent): unknown {
    return this.#dispatcher.callOnConnection(event);
  }

  onAccepted(accepted: AcceptedHandshake, handler: HandlerCallbacks, client: AdmittedClient): void {
    this.#listener.onAccepted(accepted, handler, client);
  }

  onTooLate(handler: HandlerCallbacks, client: AdmittedClient, cause: ErrorCode | undefined): void {
    this.#listener.onTooLate(handler, client, cause);
  }

  onCallPending(handshake: PendingHandshake): void {
    this.#clients.pendingCalls.add(handshake);
  }

  onCallEnded(handshake: PendingHandshake): void {
    if (this.#clients.pendingCalls.delete(handshake)) this.#listener.onCallEnded();
  }

  refuse(offer: HandshakeOffer, refusal: Refusal): void {
    this.exit.refuseOffer(offer, refusal);
  }

  onAnsweredByOther({ stream, request }: HandshakeOffer): void {
    leaveToOther(stream, () => {
      this.#clients.held.linger(stream, request.remoteAddress);
    });
    this.onHandshakeError(new HawserError("HWS_ANSWERED_BY_OTHER"), "library");
  }

  onHandshakeTimeout(): void {
    this.#settings.limitCounters.handshakeTimeout++;
  }

  onHandshakeError(error: unknown, source: ErrorSource): void {
    this.#dispatcher.dispatchError(error, source, true);
  }

  #addressOf(message: RawRequest): string {
    return new NodeRequest(message, this.#settings.addressRule).remoteAddress;
  }

  #parse(
    message: RawRequest,
    socket: Duplex,
    head: Bytes,
    details: RequestDetails | undefined,
  ): HandshakeOffer | Refusal {
    try {
      return isServerStream(socket)
        ? readHttp2(message, socket, this.#settings, details)
        : readHttp1(message as unknown as IncomingMessage, socket, head, this.#settings, details);
    } catch (error) {
      // The user's `origins` function has thrown.
      if (isInstanceOf(error, Refusal)) return error;
      this.onHandshakeError(error, "handler");
      return INTERNAL_ERROR;
    }
  }
}

function shuttingDown(): Refusal {
  const { min, max } = RETRY_AFTER;
  const seconds = min + Math.floor(Math.random() * (max - min + 1));
  return new Refusal(503, "The server is going down.", { "Retry-After": String(seconds) }, "shutdown");
}
