import { isAnyArrayBuffer } from "node:util/types";

import { InvalidArgumentError } from "../../errors/errors.ts";
import { type Bytes, asBytes } from "../../protocol/bytes.ts";

/**
 * What `send` takes. A string goes out as a text frame, bytes and a `Blob` as a binary one, any other object as the
 * JSON that `JSON.stringify` makes of it.
 */
export type Message = string | ArrayBufferView | ArrayBufferLike | Blob | object;

const EXPECTED =
  "expected a string, bytes (Uint8Array, any view, ArrayBuffer, Blob), a plain object, an array, or an object with toJSON";

/**
 * What a message is sent as: a string, bytes (a view, not a copy), or a `Blob` that has yet to be read.
 *
 * @throws {InvalidArgumentError} for anything that is none of these; what `JSON.stringify` throws for an object it cannot write
 */
export function payloadOf(message: unknown): string | Bytes | Blob {
  if (typeof message === "string") return message;
  if (typeof message !== "object" || message === null) {
    throw new InvalidArgumentError(`message: ${EXPECTED}, got ${message === null ? "null" : typeof message}`);
  }
  if (Buffer.isBuffer(message)) return asBytes(message);
  if (ArrayBuffer.isView(message)) return bytesOf(message.buffer, message.byteOffset, message.byteLength);
  // Of any realm, as a frame or a worker has its own.
  if (isAnyArrayBuffer(message)) return bytesOf(message, 0, message.byteLength);
  if (message instanceof Blob) return message;
  return jsonOf(message);
}

function bytesOf(buffer: ArrayBufferLike, offset: number, length: number): Bytes {
  return asBytes(Buffer.from(buffer as ArrayBuffer, offset, length));
}

function jsonOf(message: object): string {
  // A Map, a Promise or a class of the user's would silently become `{}` or lose what it is.
  if (!isPlain(message) && typeof (message as { toJSON?: unknown }).toJSON !== "function") {
    throw new InvalidArgumentError(`message: ${EXPECTED}, got ${nameOf(message)}`);
  }
  const json = JSON.stringify(message) as string | undefined;
  if (json === undefined) throw new InvalidArgumentError("message: toJSON returned nothing that JSON can hold");
  return json;
}

/** An array, or an object whose prototype is `Object.prototype` (of any realm) or null. */
function isPlain(value: object): boolean {
  if (Array.isArray(value)) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function nameOf(value: object): string {
  const name = (value.constructor as { name?: unknown } | undefined)?.name;
  return typeof name === "string" && name !== "" ? `an instance of ${name}` : "an object of a class";
}
