import type { Duplex } from "node:stream";

import type { Bytes } from "../protocol/bytes.ts";
import type { Refusal } from "./refusal.ts";
import type { ConnectionRequest } from "./request.ts";

/** A handshake that was accepted: all that a connection needs of it. */
export interface AcceptedHandshake {
  /** What frames go over from here on. */
  readonly stream: Duplex;
  /** The answer, to be written before the first frame: latin1 text. */
  readonly preamble: string;
  /** What came in behind the handshake. */
  readonly head: Bytes;
}

/** An opening handshake that keeps the rules and waits for the answer. Each HTTP version has its own; all end here. */
export interface HandshakeOffer {
  /** What the client asked for. */
  readonly request: ConnectionRequest;
  /** The subprotocols it offers, in its order. */
  readonly protocols: readonly string[];
  /** Finds out now what the socket forgets when it is closed: somebody is interested in the request. */
  captureAddress(): void;
  /** Answers with yes. The answer itself is the first that the caller writes. */
  accept(protocol: string | undefined): AcceptedHandshake;
  /** Answers with no, and closes. */
  refuse(refusal: Refusal): void;
}
