import { createHash } from "node:crypto";
import type { Content } from "./client.ts";

/** Longer messages are compared by their digests. */
const SHORT = 125;

/** A text, repeated. */
export const text = (part: string, times = 1): Content => ({ type: "text", part, times });

/** Bytes in hexadecimal digits, repeated. */
export const binary = (part: string, times = 1): Content => ({ type: "binary", part, times });

/** What a client sends for it. */
export function payloadOf({ type, part, times }: Content): string | Buffer {
  if (type === "text") return part.repeat(times);
  // `alloc` fills with a repeated pattern by itself, but not with an empty one.
  return part === "" ? Buffer.alloc(0) : Buffer.alloc((part.length / 2) * times, part, "hex");
}

/** How many bytes that is on the wire. */
export const sizeOf = (content: Content): number =>
  content.times * Buffer.byteLength(content.part, content.type === "text" ? "utf8" : "hex");

/** A received message in a line: the notation all clients report in. */
export function seen(content: Content): string {
  const payload = payloadOf(content);
  const bytes = Buffer.from(payload);
  if (bytes.length > SHORT) {
    return `${content.type} of ${bytes.length} bytes: ${createHash("sha256").update(bytes).digest("hex")}`;
  }
  return `${content.type}: ${typeof payload === "string" ? payload : payload.toString("hex")}`;
}
