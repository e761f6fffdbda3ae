import { OutOfRangeError } from "../errors/errors.ts";
import type { HandshakeOffer } from "../handshake/offer.ts";
import { ownText } from "../handshake/own-text.ts";
import type { ConnectionRequest } from "../handshake/request.ts";

/** The event of `onConnection`: a client asks to connect. */
export class WSConnectionEvent {
  readonly type = "connection";
  /** The subprotocols that the client offers, in its order (RFC 6455 1.9). */
  readonly protocols: readonly string[];
  readonly #offer: Pick<HandshakeOffer, "request" | "protocols">;
  #protocol: string | undefined;

  /** Made by the server. */
  constructor(offer: Pick<HandshakeOffer, "request" | "protocols">, ours: readonly string[] = []) {
    this.#offer = offer;
    this.protocols = offer.protocols;
    if (ours.length > 0) this.#protocol = ours.find((one) => offer.protocols.includes(one));
  }

  /** What the client asked for. */
  get request(): ConnectionRequest {
    return this.#offer.request;
  }

  /**
   * The chosen subprotocol; undefined: none. It starts as the first of the option `protocols` that the client offers. Set it to one of `protocols` before `onConnection` settles.
   *
   * @throws {OutOfRangeError} when the client did not offer it
   */
  get protocol(): string | undefined {
    return this.#protocol;
  }

  set protocol(protocol: string | undefined) {
    if (protocol !== undefined && !this.protocols.includes(protocol)) {
      throw new OutOfRangeError(
        `protocol: expected one that the client offered (${this.protocols.join(", ") || "none"}), got ${JSON.stringify(protocol)}`,
      );
    }
    // The connection keeps it, and must not keep the header that it was cut from.
    this.#protocol = protocol === undefined ? undefined : ownText(protocol);
  }
}
