import { OutOfRangeError } from "../errors/errors.ts";
import type { HandshakeOffer } from "../handshake/offer.ts";
import { ownText } from "../util/own-text.ts";
import type { ConnectionRequest } from "../handshake/request.ts";
import { type ResponseHeaders, checkedAcceptHeaders } from "../handshake/response-headers.ts";
import { HandshakeSignal } from "./handshake-signal.ts";

/** What the event shows of a handshake. */
type ShownOffer = Pick<HandshakeOffer, "request" | "protocols" | "stream">;

let headersOf: (event: WSConnectionEvent) => Headers | undefined;
let settle: (event: WSConnectionEvent, isAborted: boolean) => HandshakeSignal | undefined;

/**
 * The event of `onConnection`: a client asks to connect. `Context` is the type of what `handleUpgrade` is given.
 *
 * @example
 * onConnection(wss: WebSocketServer, event: WSConnectionEvent<User>) { return new Member(event.context); }
 */
export class WSConnectionEvent<Context = unknown> {
  readonly type = "connection";
  /** The subprotocols that the client offers, in its order (RFC 6455 1.9). */
  readonly protocols: readonly string[];
  readonly #offer: ShownOffer;
  #protocol: string | undefined;
  #signal: HandshakeSignal | undefined;
  #isSettled = false;
  #responseHeaders: Headers | undefined;

  static {
    headersOf = (event) => event.#responseHeaders;
    settle = (event, isAborted) => event.#settle(isAborted);
  }

  /** Made by the server. */
  constructor(offer: ShownOffer, ours: readonly string[] = []) {
    this.#offer = offer;
    this.protocols = offer.protocols;
    if (ours.length > 0) this.#protocol = ours.find((one) => offer.protocols.includes(one));
  }

  /** What the client asked for. */
  get request(): ConnectionRequest {
    return this.#offer.request;
  }

  /** What the application gave to `handleUpgrade`; undefined: nothing. */
  get context(): Context {
    return this.#offer.request.context as Context;
  }

  /**
   * More headers of the answer that accepts the client, e.g. `Set-Cookie`. Those of the handshake itself are set by the library: they fail the handshake with 500 and `onError`.
   * A refusal has its own headers.
   *
   * @example
   * event.responseHeaders.append("set-cookie", "session=1; HttpOnly; Secure; SameSite=Strict");
   */
  get responseHeaders(): Headers {
    return (this.#responseHeaders ??= new Headers());
  }

  /**
   * Aborts when the client has gone, and when `handshakeTimeout`, a limit or the end of the server refuses it, before `onConnection`
   * has settled. An `onConnection` that rejects because of it has not failed; `ws.signal` says with which errors. It is made when it
   * is asked for.
   *
   * @example
   * async onConnection(wss: WebSocketServer, event: WSConnectionEvent) {
   *   return new Member(await fetch(url, { signal: event.signal }));
   * }
   */
  get signal(): AbortSignal {
    if (this.#signal === undefined) {
      this.#signal = new HandshakeSignal(this.#offer.stream);
      if (this.#isSettled) this.#signal.stop();
    }
    return this.#signal.signal;
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

  #settle(isAborted: boolean): HandshakeSignal | undefined {
    this.#isSettled = true;
    this.#signal?.stop();
    // Who asks for it later must see that it has aborted.
    if (isAborted) (this.#signal ??= new HandshakeSignal(undefined)).abort();
    return this.#signal;
  }
}

/**
 * The client has its answer. Only the server calls it.
 *
 * @param isAborted the answer is not that of `onConnection`: its signal aborts
 * @returns the signal, if somebody has asked for it, or if it has aborted
 */
export function settleEvent(event: WSConnectionEvent, isAborted: boolean): HandshakeSignal | undefined {
  return settle(event, isAborted);
}

/**
 * The headers that `onConnection` has added to the answer; undefined: it has not asked for them.
 *
 * @throws {InvalidArgumentError} for a header that only the library sets
 */
export function responseHeadersOf(event: WSConnectionEvent): ResponseHeaders | undefined {
  const added = headersOf(event);
  if (added === undefined) return undefined;
  const headers: Record<string, string | readonly string[]> = Object.fromEntries(added);
  // `Headers` joins lines of one name, but not cookies: those cannot be joined (RFC 6265 3).
  const cookies = added.getSetCookie();
  if (cookies.length > 0) headers["set-cookie"] = cookies;
  return checkedAcceptHeaders(headers);
}
