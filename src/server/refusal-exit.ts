import type { Duplex } from "node:stream";

import type { AddressRule } from "../handshake/forwarded-address.ts";
import { NodeRequest } from "../handshake/node-request.ts";
import type { HandshakeOffer } from "../handshake/offer.ts";
import { type Addressed, peerAddressOf } from "../handshake/peer-address.ts";
import { type Refusal, type RefusalReason, refusalReasons } from "../handshake/refusal.ts";
import { PATH_NOT_FOUND, PIPELINED } from "../handshake/refusals.ts";
import type { ConnectionRequest, RawRequest } from "../handshake/request.ts";
import type { OriginRule } from "../handshake/rules/origin.ts";
import { canAnswer, sendRefusal } from "../handshake/response.ts";
import { hasPendingAnswer, refuseAfterPendingAnswers, refuseInOrder } from "./claimed-socket.ts";
import type { HeldSockets } from "./held-sockets.ts";
import { OriginWarnings } from "./origin-warnings.ts";
import type { ServerDispatcher } from "./server-dispatcher.ts";

/** How many clients were refused, by the reason. */
export type RefusalCounters = Record<RefusalReason, number>;

/** What is reported of a refusal. A status of undefined: the client got no HTTP answer. */
export type RefusalReport = Pick<Refusal, "reason"> & {
  readonly status: number | undefined;
  /** Why the TLS handshake failed. */
  readonly cause?: Error;
};

/** What the exit needs of the dispatcher. */
type Reporter = Pick<ServerDispatcher, "dispatchRefused" | "hasOnRefused">;

/** What refusals need of the settings. */
export interface RefusalSettings {
  /** Finds the client's address if proxies are trusted. */
  readonly addressRule: AddressRule | undefined;
  /** Decides which origins may connect. */
  readonly originRule: OriginRule;
  /** Milliseconds that a refusal waits for the answers before it. */
  readonly handshakeTimeout: number;
}

/**
 * The one exit for all refusals of a server. Each refusal is sent, counted, and passed to `onRefused`. A client that has gone
 * is not refused: nothing is sent, counted or passed on. Nothing else in `src/server` sends one: a test looks for it.
 */
export class RefusalExit {
  /** How many clients were refused, by the reason. */
  readonly counters: RefusalCounters = newRefusalCounters();
  readonly #settings: RefusalSettings;
  readonly #dispatcher: Reporter;
  readonly #held: Pick<HeldSockets, "linger" | "awaitAnswers">;
  readonly #originWarnings: OriginWarnings;

  constructor(settings: RefusalSettings, dispatcher: Reporter, held: Pick<HeldSockets, "linger" | "awaitAnswers">) {
    this.#settings = settings;
    this.#dispatcher = dispatcher;
    this.#held = held;
    this.#originWarnings = new OriginWarnings(settings.originRule);
  }

  /** Refuses a request, after the answers to earlier requests on its socket. Without `message` the request could not be read. */
  refuse(socket: Duplex, refusal: Refusal, message?: RawRequest): void {
    if (!canAnswer(socket)) return;
    if (message !== undefined && hasPendingAnswer(socket)) {
      this.#refuseInOrder(socket, message, refusal);
      return;
    }
    const request = message === undefined ? undefined : this.#requestOf(message);
    const address = request?.remoteAddress ?? peerAddressOf(socket);
    sendRefusal(socket, refusal, message?.method, () => {
      this.#held.linger(socket, address);
    });
    this.#report(refusal, request, address);
  }

  /** Refuses a valid handshake. */
  refuseOffer(offer: HandshakeOffer, refusal: Refusal): void {
    if (!canAnswer(offer.stream)) return;
    offer.refuse(refusal, (socket) => {
      this.#held.linger(socket, offer.request.remoteAddress);
    });
    this.#report(refusal, offer.request);
  }

  /** Refuses a request for a path that no WebSocket server has, after the answers to earlier requests on its socket. */
  refusePath(socket: Duplex, message: RawRequest): void {
    if (canAnswer(socket)) this.#refuseInOrder(socket, message, PATH_NOT_FOUND);
  }

  #refuseInOrder(socket: Duplex, message: RawRequest, refusal: Refusal): void {
    const request = this.#requestOf(message);
    const { remoteAddress } = request;
    const linger = hasPendingAnswer(socket)
      ? this.#awaitAnswers(socket, remoteAddress)
      : () => {
          this.#held.linger(socket, remoteAddress);
        };
    refuseInOrder(socket, refusal, message.method, linger);
    this.#report(refusal, request);
  }

  /** Refuses a handshake that came before the answers to earlier requests. Returns false when there is none to wait for. */
  refusePipelined(socket: Duplex, message: RawRequest, onAnswered: (socket: Duplex) => void): boolean {
    if (!hasPendingAnswer(socket)) return false;
    if (!canAnswer(socket)) return true;
    const request = this.#requestOf(message);
    const linger = this.#awaitAnswers(socket, request.remoteAddress);
    refuseAfterPendingAnswers(socket, message.method, () => {
      onAnswered(socket);
      linger();
    });
    this.#report(PIPELINED, request);
    return true;
  }

  /** Reports a refusal that was sent in another way, or that gets no answer. */
  reportMessage(report: RefusalReport, message: RawRequest | undefined, peer: Addressed): void {
    if (message !== undefined) this.#report(report, this.#requestOf(message));
    // The address is a system call.
    else this.#report(report, undefined, this.#dispatcher.hasOnRefused ? peerAddressOf(peer) : "");
  }

  #report(report: RefusalReport, request: ConnectionRequest | undefined, address = request?.remoteAddress): void {
    const { status, reason, cause } = report;
    this.counters[reason]++;
    if (reason === "origin" && request !== undefined) this.#originWarnings.onRefused(request);
    // The application has refused the client itself.
    if (reason === "handler" || !this.#dispatcher.hasOnRefused) return;
    const remoteAddress = address === "" ? undefined : address;
    this.#dispatcher.dispatchRefused({ type: "refused", status, reason, request, remoteAddress, cause });
  }

  /** Holds a socket until its earlier requests are answered, for at most `handshakeTimeout`. Then it lingers. */
  #awaitAnswers(socket: Duplex, address: string): () => void {
    const release = this.#held.awaitAnswers(socket, address, this.#settings.handshakeTimeout);
    return () => {
      release();
      this.#held.linger(socket, address);
    };
  }

  /** The request, with its address: a client that resets its connection after the answer has none any more. */
  #requestOf(message: RawRequest): NodeRequest {
    const request = new NodeRequest(message, this.#settings.addressRule);
    request.readAddress();
    return request;
  }
}

function newRefusalCounters(): RefusalCounters {
  return Object.fromEntries(refusalReasons.map((reason) => [reason, 0])) as RefusalCounters;
}
