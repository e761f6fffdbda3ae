import type { Duplex } from "node:stream";

import type { DeflateAgreement } from "../compression/negotiation.ts";
import type { Bytes } from "../protocol/bytes.ts";
import type { Extension } from "../protocol/extension.ts";
import type { Refusal } from "./refusal.ts";
import type { ReceivedRequest } from "./request.ts";
import type { Linger } from "./response.ts";
import type { ResponseHeaders } from "./response-headers.ts";

/** What the server chose: the positive answer to an opening handshake. */
export interface HandshakeAnswer {
  /** The chosen subprotocol; undefined: none. */
  readonly protocol?: string | undefined;
  /** The chosen extensions with their agreed parameters, in the order in which they are applied (RFC 6455 9.1). */
  readonly extensions?: readonly Extension[] | undefined;
  /** What is agreed about compression, if it is one of the extensions. */
  readonly deflate?: DeflateAgreement | undefined;
  /** More headers of the answer, e.g. `Set-Cookie`. */
  readonly headers?: ResponseHeaders | undefined;
}

/** An accepted handshake: everything that a connection needs to know about it. */
export interface AcceptedHandshake {
  /** The stream that carries the frames from now on. */
  readonly stream: Duplex;
  /** The answer as latin1 text. It must be written before the first frame. Empty over HTTP/2: the answer is no part of the stream. */
  readonly handshakeResponse: string;
  /** Bytes that arrived after the handshake. */
  readonly head: Bytes;
  /** The agreed subprotocol; undefined: none. */
  readonly protocol: string | undefined;
  /** The agreed extensions; most often none. */
  readonly extensions: readonly Extension[];
  /** What was agreed about compression; undefined: nothing. */
  readonly deflate: DeflateAgreement | undefined;
}

/** A valid opening handshake that waits for its answer. There is one implementation for each HTTP version. */
export interface HandshakeOffer {
  /** The stream on which the answer is written. */
  readonly stream: Duplex;
  /** What the client asked for. */
  readonly request: ReceivedRequest;
  /** The subprotocols that the client offers, in its order. */
  readonly protocols: readonly string[];
  /** The extensions that the client offers, in its order. */
  readonly extensions: readonly Extension[];
  /**
   * Accepts the handshake. Over HTTP/1.1 it writes nothing: the connection writes the response first.
   *
   * @throws {InvalidArgumentError} for a header that HTTP does not allow, or that only the library sets
   */
  accept(answer: HandshakeAnswer): AcceptedHandshake;
  /** Refuses the handshake, and ends the stream. `linger` decides how long it stays open. */
  refuse(refusal: Refusal, linger: Linger): void;
}
