import { InvalidArgumentError } from "../../errors/errors.ts";
import type { WaitingPayload } from "../platform.ts";

/**
 * A message as the platform's socket takes it, and its bytes. Views are not copied.
 *
 * @throws {InvalidArgumentError} for a value that cannot be sent
 */
export function payloadOf(message: unknown, options: unknown): WaitingPayload {
  if (options !== undefined && (typeof options !== "object" || options === null))
    throw new InvalidArgumentError("send: options: expected an object");
  if (typeof message === "string") return textPayload(message);
  if (ArrayBuffer.isView(message))
    return bytesPayload(new Uint8Array(message.buffer, message.byteOffset, message.byteLength));
  // Those of another window are taken too, so `instanceof` does not do.
  const kind = Object.prototype.toString.call(message);
  if (kind.endsWith("ArrayBuffer]")) return bytesPayload(new Uint8Array(message as ArrayBuffer));
  if (message instanceof Blob) return { message, size: message.size };
  if (typeof message === "object" && message !== null) {
    if (isStream(message))
      throw new InvalidArgumentError("message: a browser cannot send a stream: send a Blob, or its parts as messages");
    return textPayload(jsonOf(message, kind));
  }
  throw new InvalidArgumentError(
    `message: expected a string, bytes or an object, got ${message === null ? "null" : typeof message}`,
  );
}

/** Whether Node would send it as a stream. */
function isStream(message: object): boolean {
  return (Symbol.asyncIterator in message || "getReader" in message) && !("toJSON" in message);
}

/** The JSON of an object: what `JSON.stringify` gives, unless that has nothing of it: a Map, an Error, a promise. */
function jsonOf(message: object, kind: string): string {
  const json = JSON.stringify(message) as string | undefined;
  if (json === undefined || (json === "{}" && kind !== "[object Object]"))
    throw new InvalidArgumentError(`message: JSON has nothing of ${kind}`);
  return json;
}

function textPayload(message: string): WaitingPayload {
  return { message, size: byteLengthOf(message) };
}

function bytesPayload(message: Uint8Array): WaitingPayload {
  // The platform does not take memory that is shared.
  const isOwn = Object.prototype.toString.call(message.buffer) === "[object ArrayBuffer]";
  return { message: isOwn ? message : message.slice(), size: message.length };
}

/** Bytes of a text as UTF-8. Most texts are short. */
export function byteLengthOf(text: string): number {
  let bytes = text.length;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code > 0x7f) bytes += code > 0x7ff && (code < 0xd800 || code > 0xdfff) ? 2 : 1;
  }
  return bytes;
}
