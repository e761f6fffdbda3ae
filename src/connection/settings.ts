import { isUtf8 } from "node:buffer";

import { ReaderRules } from "../protocol/rules.ts";
import type { Decoder } from "./receiving/decode.ts";

/** What the connections of one server have in common. */
export interface ConnectionSettings {
  /** Makes a handler's data of a message. */
  readonly decode: Decoder;
  /** Whether a message that is not JSON is dropped, and not the connection. */
  readonly keepOnInvalidJson: boolean;
  /** Bytes a message may have. */
  readonly maxMessageSize: number;
  /** Milliseconds the peer has for its side of closing. */
  readonly closeTimeout: number;
  /** Bytes that may wait for the peer before it is given up. */
  readonly maxSendQueue: number;
  /** Bytes that may wait for the peer before `send` says so. */
  readonly highWaterMark: number;
  /** Bytes of payload that one frame carries at most. */
  readonly fragmentSize: number;
}

/** The rules of all readers of one server. */
const rules = new WeakMap<ConnectionSettings, ReaderRules>();

/** How the connections of one server read: worked out for the first of them. */
export function rulesOf(settings: ConnectionSettings): ReaderRules {
  let known = rules.get(settings);
  if (known === undefined) {
    const { decode, maxMessageSize } = settings;
    known = new ReaderRules({ role: "server", maxMessageSize, texts: decode.text !== undefined, isUtf8 });
    rules.set(settings, known);
  }
  return known;
}
