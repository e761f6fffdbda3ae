import { misspeltCallbacks } from "../connection/dispatch/misspelt-callbacks.ts";
import { isAbortBy } from "../connection/dispatch/close-signal.ts";
import type { HandlerCallbacks } from "../connection/dispatch/handler-callbacks.ts";
import type { AcceptedDeflate } from "../compression/negotiation.ts";
import { HawserError } from "../errors/errors.ts";
import type { ErrorCode } from "../errors/table.ts";
import type { AcceptedHandshake, HandshakeOffer } from "../handshake/offer.ts";
import { Refusal } from "../handshake/refusal.ts";
import type { ResponseHeaders } from "../handshake/response-headers.ts";
import { INTERNAL_ERROR } from "../handshake/refusals.ts";
import { Deadline } from "../util/deadline.ts";
import { isInstanceOf } from "../util/attempt.ts";
import { isThenable } from "../util/thenable.ts";
import type { CountedAddress } from "./address-counts.ts";
import type { Advice } from "./advice.ts";
import { bytesWritten, isAnsweredByOther } from "./claimed-socket.ts";
import { WSConnectionEvent, responseHeadersOf, settleEvent } from "./connection-event.ts";
import type { ErrorSource } from "../connection/dispatch/events.ts";
import { describe } from "../util/describe.ts";
import { type HandshakeSignal, isGone } from "./handshake-signal.ts";
import { topicProtocolFor } from "./topic-protocol.ts";

/** A client that has a place among the limits of the server. */
export interface AdmittedClient {
  /** The address that has the place. */
  readonly address: CountedAddress;
  /** The whole address, of which that one is a part with IPv6; "" if it is unknown. */
  readonly remoteAddress: string;
}

/** What a pending handshake needs of its server. */
export interface HandshakeOwner {
  /** Milliseconds that `onConnection` may take. */
  readonly handshakeTimeout: number;
  /** The subprotocols of the server. */
  readonly protocols: readonly string[];
  /** Warns of mistakes. */
  readonly advice: Advice;
  /** What the client's offer of compression leads to; undefined: no compression. */
  agreeOnCompression(offer: HandshakeOffer): AcceptedDeflate | undefined;
  /** Calls the user's `onConnection`. */
  callOnConnection(event: WSConnectionEvent): unknown;
  /** `onConnection` returned a handler. */
  onAccepted(accepted: AcceptedHandshake, handler: HandlerCallbacks, client: AdmittedClient): void;
  /** `onConnection` returned a handler, but its client has gone or was refused. */
  onTooLate(handler: HandlerCallbacks, client: AdmittedClient, cause: ErrorCode | undefined): void;
  /** `onConnection` returned a promise. */
  onCallPending(handshake: PendingHandshake): void;
  /** That promise has settled, or nobody waits for it any more. */
  onCallEnded(handshake: PendingHandshake): void;
  /** Sends a refusal. */
  refuse(offer: HandshakeOffer, refusal: Refusal): void;
  /** Another `upgrade` listener has answered while `onConnection` was awaited. */
  onAnsweredByOther(offer: HandshakeOffer): void;
  /** `onConnection` took too long. */
  onHandshakeTimeout(): void;
  /** `onConnection` threw, or returned something that is not a handler. */
  onHandshakeError(error: unknown, source: ErrorSource): void;
}

/** A valid handshake that waits for its answer: from `onConnection`, the deadline, or the server's shutdown. */
export class PendingHandshake implements AdmittedClient {
  readonly address: CountedAddress;
  readonly remoteAddress: string;
  /** Undefined after the answer. A user's promise that never settles must not keep the client in memory. */
  #offer: HandshakeOffer | undefined;
  readonly #owner: HandshakeOwner;
  #event: WSConnectionEvent | undefined;
  /** The signal of the event, after the answer. */
  #signal: HandshakeSignal | undefined;
  #deadline: Deadline | undefined;
  /** Nobody waits for `onConnection` any more. */
  #isCallOver = false;
  #onAnswered: (() => void) | undefined;
  #refusedBy: string | undefined;
  /** The bytes that had been written when the wait for `onConnection` began; undefined: it does not wait. */
  #written: number | undefined;

  constructor(offer: HandshakeOffer, owner: HandshakeOwner, address: CountedAddress) {
    this.address = address;
    this.remoteAddress = offer.request.remoteAddress;
    this.#offer = offer;
    this.#owner = owner;
    this.#event = new WSConnectionEvent(offer, owner.protocols);
  }

  /** Calls `onConnection`. `onAnswered` is called when the client gets its answer. */
  start(onAnswered: () => void): void {
    this.#onAnswered = onAnswered;
    const event = this.#event;
    if (event === undefined) {
      this.endCall();
      return;
    }
    try {
      const answer = this.#owner.callOnConnection(event);
      if (isThenable(answer)) this.#wait(answer);
      else this.#answer(answer);
    } catch (error) {
      this.#fail(error);
    }
    if (this.#deadline === undefined) this.endCall();
  }

  /** Refuses the client before `onConnection` has settled, unless it has its answer. */
  refuse(refusal: Refusal): void {
    const event = this.#event;
    // `onConnection` itself has terminated the server, and has not returned.
    if (event !== undefined && this.#deadline === undefined) this.#owner.onCallPending(this);
    if (this.#offer !== undefined && !isGone(this.#offer.stream)) this.#refusedBy = refusal.reason;
    this.#refuse(refusal);
    if (event !== undefined) this.#signal = settleEvent(event, true);
  }

  #refuse(refusal: Refusal): void {
    const offer = this.#offer;
    if (offer === undefined) return;
    this.#settle();
    if (!this.#isLost(offer)) this.#refuseOffer(offer, refusal);
  }

  /** A client that has gone is not refused: it could not learn of it, and it is not counted. */
  #refuseOffer(offer: HandshakeOffer, refusal: Refusal): void {
    // The end of its stream is not reported again.
    if (isGone(offer.stream)) offer.stream.destroy();
    else this.#owner.refuse(offer, refusal);
  }

  #wait(answer: PromiseLike<unknown>): void {
    // The offer is already answered when `onConnection` itself has terminated the server.
    if (this.#offer !== undefined) this.#written = bytesWritten(this.#offer.stream);
    // One promise: a call that never settles keeps what waits for it in memory.
    Promise.resolve(answer).then(
      (value) => {
        this.#end(() => this.#answer(value));
      },
      (error: unknown) => {
        this.#end(() => this.#fail(error));
      },
    );
    if (!this.#isCallOver) this.#awaitCall();
  }

  /** `onConnection` has settled: does what follows. */
  #end(answer: () => void): void {
    try {
      answer();
    } catch (error) {
      this.#fail(error);
    } finally {
      this.endCall();
    }
  }

  #awaitCall(): void {
    this.#deadline = new Deadline(this.#owner.handshakeTimeout, () => {
      if (this.#offer !== undefined) this.#owner.onHandshakeTimeout();
      this.refuse(new Refusal(503, "The server took too long to answer.", {}, "timeout"));
      this.endCall();
    });
    this.#owner.onCallPending(this);
  }

  /** Nobody waits for `onConnection` any more: it has settled, its time is over, or the server has ended. */
  endCall(): void {
    this.#isCallOver = true;
    this.#deadline?.stop();
    this.#onAnswered = undefined;
    this.#owner.onCallEnded(this);
  }

  #answer(answer: unknown): void {
    // A forgotten `return`. As in 4D, it refuses the client. One that was refused before, or has gone, needs no answer.
    if (answer === undefined && this.#offer !== undefined && !isGone(this.#offer.stream))
      this.#owner.advice.once("HWS_NO_ANSWER", NO_ANSWER);
    if (answer === null || answer === undefined) this.#refuse(new Refusal(403, "The server does not let you connect."));
    else if (answer instanceof Refusal) this.#refuse(answer);
    else if (isHandler(answer)) this.#accept(answer);
    else {
      this.#owner.onHandshakeError(
        new HawserError(
          "HWS_INVALID_HANDLER",
          `expected an object with onMessage, or null, got ${describe(answer)}${misspelt(answer)}`,
        ),
        "library",
      );
      this.#refuse(INTERNAL_ERROR);
    }
  }

  #accept(handler: HandlerCallbacks): void {
    this.#owner.advice.checkConnectionHandler(handler);
    const chosen = this.#event?.protocol;
    let headers: ResponseHeaders | undefined;
    try {
      headers = this.#event && responseHeadersOf(this.#event);
    } catch (error) {
      // The client is refused. The handler has been returned, so it gets its `onTerminate`.
      this.#fail(error);
      this.#owner.onTooLate(handler, this, "HWS_INVALID_ARGUMENT");
      return;
    }
    const offer = this.#takeOffer();
    if (offer === undefined) {
      this.#owner.onTooLate(handler, this, this.#causeOfRefusal);
      return;
    }
    const protocol = chosen ?? topicProtocolFor(handler, offer.protocols);
    if (protocol === undefined && offer.protocols.length > 0)
      this.#owner.advice.once("HWS_NO_SUBPROTOCOL", NO_SUBPROTOCOL);
    const deflate = this.#owner.agreeOnCompression(offer);
    const extensions = deflate && [deflate.response];
    const answer = { protocol, headers, extensions, deflate: deflate?.agreement };
    let accepted: AcceptedHandshake;
    try {
      accepted = offer.accept(answer);
    } catch (error) {
      // Node takes the answer for none of its version of HTTP.
      this.#owner.onHandshakeError(error, "library");
      this.#owner.refuse(offer, INTERNAL_ERROR);
      this.#owner.onTooLate(handler, this, "HWS_INVALID_ARGUMENT");
      return;
    }
    this.#owner.onAccepted(accepted, handler, this);
  }

  /** Why the client was refused before `onConnection` settled; undefined: it had gone by itself, or another listener has it. */
  get #causeOfRefusal(): ErrorCode | undefined {
    if (this.#refusedBy === undefined) return undefined;
    if (this.#refusedBy === "shutdown") return "HWS_SHUTDOWN";
    return this.#refusedBy === "timeout" ? "HWS_HANDSHAKE_TIMEOUT" : "HWS_LIMIT_REACHED";
  }

  /** Ends the wait. Returns the offer, unless its client has its answer already, or has gone. */
  #takeOffer(): HandshakeOffer | undefined {
    const offer = this.#offer;
    if (offer === undefined) return undefined;
    this.#settle();
    if (this.#isLost(offer)) return undefined;
    if (!isGone(offer.stream)) return offer;
    // The end of its stream is not reported again.
    offer.stream.destroy();
    return undefined;
  }

  /** Whether another `upgrade` listener has answered meanwhile: our answer would be written into its WebSocket. */
  #isLost(offer: HandshakeOffer): boolean {
    if (this.#written === undefined || !isAnsweredByOther(offer.stream, this.#written)) return false;
    this.#owner.onAnsweredByOther(offer);
    return true;
  }

  #fail(error: unknown): void {
    // A refusal may be thrown from a function that onConnection calls.
    if (isInstanceOf(error, Refusal)) {
      this.#refuse(error);
      return;
    }
    const offer = this.#offer;
    if (offer !== undefined) this.#settle();
    // It has stopped because its signal has aborted, as it was asked to. If nobody was refused, the client has gone.
    const isAbort = isAbortBy(this.#signal?.signalIfAsked, error);
    if (!isAbort) this.#owner.onHandshakeError(error, "handler");
    if (offer === undefined || this.#isLost(offer)) return;
    if (isAbort) offer.stream.destroy();
    else this.#refuseOffer(offer, INTERNAL_ERROR);
  }

  #settle(): void {
    this.#onAnswered?.();
    if (this.#event !== undefined) this.#signal = settleEvent(this.#event, false);
    this.#offer = this.#event = undefined;
  }
}

const NO_SUBPROTOCOL =
  "A client offered subprotocols and none was chosen: most clients then close the connection. Set event.protocol in onConnection, or use the option protocols; for hawser.v1 give the connection's handler an onSubscribe";

const NO_ANSWER =
  "onConnection returned undefined, so the client was refused with HTTP 403. Return a connection handler, or null to refuse the client";

/** Says which method of an object without `onMessage` may be meant. */
function misspelt(answer: unknown): string {
  if (typeof answer !== "object" || answer === null) return "";
  const [text] = misspeltCallbacks(answer, ["onMessage"]);
  return text === undefined ? "" : `. ${text}`;
}

function isHandler(value: unknown): value is HandlerCallbacks {
  return (
    typeof value === "object" && value !== null && typeof (value as { onMessage?: unknown }).onMessage === "function"
  );
}
