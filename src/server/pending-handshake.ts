import { isThenable } from "../util/thenable.ts";
import { InvalidArgumentError, HawserError } from "../errors/errors.ts";
import type { AcceptedHandshake, HandshakeOffer } from "../handshake/offer.ts";
import { Refusal } from "../handshake/refusal.ts";
import { INTERNAL_ERROR } from "../handshake/refusals.ts";
import type { HandlerCallbacks } from "../connection/dispatch/handler-dispatcher.ts";

import { Deadline } from "../util/deadline.ts";
import { WSConnectionEvent } from "./connection-event.ts";

/** What an admission asks of its server. */
export interface HandshakeHost {
  /** Milliseconds that the answer may take. */
  readonly handshakeTimeout: number;
  /** Calls the user's `onConnection`. */
  callOnConnection(event: WSConnectionEvent): unknown;
  /** The client is let in. */
  connect(offer: HandshakeOffer, accepted: AcceptedHandshake, handler: HandlerCallbacks): void;
  /** `onConnection` took too long. */
  onHandshakeTimeout(): void;
  /** `onConnection` threw, or answered with something that is no handler. */
  onHandshakeError(error: unknown, thrown: boolean): void;
}

/** A client that asks to connect, until it is answered: by `onConnection`, by the deadline, or by the server's end. */
export class PendingHandshake {
  /** Until it is answered: a promise of the user's that never settles must not keep a client that is gone. */
  #offer: HandshakeOffer | undefined;
  readonly #host: HandshakeHost;
  #event: WSConnectionEvent | undefined;
  #deadline: Deadline | undefined;
  #whenAnswered: (() => void) | undefined;

  constructor(offer: HandshakeOffer, host: HandshakeHost) {
    this.#offer = offer;
    this.#host = host;
    this.#event = new WSConnectionEvent(offer);
  }

  /** The client's address. */
  get remoteAddress(): string {
    return this.#offer?.request.remoteAddress ?? "";
  }

  /** Asks `onConnection`. `whenAnswered` is called once the client has its answer. */
  start(whenAnswered: () => void): void {
    this.#whenAnswered = whenAnswered;
    if (this.#event === undefined) return;
    try {
      const answer = this.#host.callOnConnection(this.#event);
      if (isThenable(answer)) this.#wait(answer);
      else this.#answer(answer);
    } catch (error) {
      this.#throw(error);
    }
  }

  /** Refuses the client, if it has not been answered. */
  refuse(refusal: Refusal): void {
    const offer = this.#offer;
    if (offer === undefined) return;
    this.#settle();
    offer.refuse(refusal);
  }

  #wait(answer: PromiseLike<unknown>): void {
    this.#offer?.request.captureAddress();
    // Answered already: the callback itself has terminated the server.
    if (this.#offer !== undefined) {
      this.#deadline = new Deadline(this.#host.handshakeTimeout, () => {
        this.#host.onHandshakeTimeout();
        this.refuse(new Refusal(503, "The server took too long to answer."));
      });
    }
    Promise.resolve(answer)
      .then((settled) => {
        this.#answer(settled);
      })
      .catch((error: unknown) => {
        this.#throw(error);
      });
  }

  #answer(answer: unknown): void {
    // The deadline or the server's end came first.
    if (this.#offer === undefined) return;
    if (answer === null || answer === undefined) this.refuse(new Refusal(403, "The server does not let you connect."));
    else if (answer instanceof Refusal) this.refuse(answer);
    else if (isHandler(answer)) this.#accept(this.#offer, answer);
    else {
      this.#host.onHandshakeError(
        new HawserError("HWS_INVALID_HANDLER", "expected an object with onMessage, a refusal, null or undefined"),
        false,
      );
      this.refuse(INTERNAL_ERROR);
    }
  }

  #accept(offer: HandshakeOffer, handler: HandlerCallbacks): void {
    const protocol = this.#event?.protocol;
    this.#settle();
    const accepted = offer.accept({ protocol });
    // The client may have gone while it waited; the end of its stream is not told twice.
    if (accepted.stream.destroyed || accepted.stream.readableEnded) accepted.stream.destroy();
    else this.#host.connect(offer, accepted, handler);
  }

  #throw(error: unknown): void {
    this.#host.onHandshakeError(error, true);
    this.refuse(INTERNAL_ERROR);
  }

  #settle(): void {
    this.#deadline?.stop();
    this.#whenAnswered?.();
    this.#offer = this.#event = undefined;
  }
}

/**
 * Checks a server's handler.
 *
 * @throws {InvalidArgumentError} when it is no object, or one of its callbacks is no function
 */
export function checkServerHandler(handler: unknown): void {
  if (typeof handler !== "object" || handler === null)
    throw new InvalidArgumentError("handler: expected an object with onConnection");
  const callbacks = handler as Record<string, unknown>;
  if (typeof callbacks["onConnection"] !== "function")
    throw new InvalidArgumentError("handler: onConnection: expected a function");
  for (const name of ["onOpen", "onTerminate", "onError"]) {
    if (callbacks[name] !== undefined && typeof callbacks[name] !== "function")
      throw new InvalidArgumentError(`handler: ${name}: expected a function`);
  }
}

function isHandler(value: unknown): value is HandlerCallbacks {
  return (
    typeof value === "object" && value !== null && typeof (value as { onMessage?: unknown }).onMessage === "function"
  );
}
