import { randomFillSync } from "node:crypto";

import { FrameEncoder } from "../../protocol/frame-encoder.ts";
import type { Role } from "../../protocol/state.ts";

/** The keys that are made by one call: a call for each frame would cost more than its masking. */
const keys = new Int32Array(256);
let next = keys.length;

/** A new random masking key, from a strong source (RFC 6455 5.3, 10.3). */
export function randomKey(): number {
  if (next === keys.length) {
    randomFillSync(keys);
    next = 0;
  }
  const key = keys[next]!;
  // A key that was used is not kept.
  keys[next++] = 0;
  return key;
}

const server = new FrameEncoder();
const client = new FrameEncoder(randomKey);

/** The encoder that all connections of one role use. */
export function encoderOf(role: Role): FrameEncoder {
  return role === "client" ? client : server;
}
