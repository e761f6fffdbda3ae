import { isAnyArrayBuffer } from "node:util/types";

import { InvalidArgumentError } from "../../errors/errors.ts";
import { type Bytes, asBytes } from "../../protocol/bytes.ts";

/**
 * A message that `send` accepts. It sends a string as a text frame, and bytes or a `Blob` as a binary frame. It sends any
 * other object as JSON text, made by `JSON.stringify`.
 */
export type Message = string | ArrayBufferView | ArrayBufferLike | Blob | object;

const EXPECTED =
  "expected a string, bytes (Uint8Array, any view, ArrayBuffer, Blob), a plain object, an array, or an object with toJSON";

/**
 * Turns a message into the payload of its frame: a string, bytes (a view, not a copy), or a `Blob`, which is read later.
 *
 * @throws {InvalidArgumentError} for a value of any other type; and the error of `JSON.stringify` if that throws
 */
export function payloadOf(message: unknown): string | Bytes | Blob {
  if (typeof message === "string") return message;
  if (typeof message !== "object" || message === null) {
    throw new InvalidArgumentError(`message: ${EXPECTED}, got ${message === null ? "null" : typeof message}`);
  }
  if (Buffer.isBuffer(message)) return asBytes(message);
  if (ArrayBuffer.isView(message)) return bytesOf(message.buffer, message.byteOffset, message.byteLength);
  // Buffers of another realm (`node:vm`) are accepted too, so `instanceof` does not do.
  if (isAnyArrayBuffer(message)) return bytesOf(message, 0, message.byteLength);
  if (message instanceof Blob) return message;
  return jsonOf(message);
}

function bytesOf(buffer: ArrayBufferLike, offset: number, length: number): Bytes {
  return asBytes(Buffer.from(buffer as ArrayBuffer, offset, length));
}

function jsonOf(message: object): string {
  // JSON would silently turn a Map or a Promise into `{}`, and an instance of a class into a plain object.
  if (!isPlain(message) && typeof (message as { toJSON?: unknown }).toJSON !== "function") {
    throw new InvalidArgumentError(`message: ${EXPECTED}, got ${nameOf(message)}`);
  }
  const json = JSON.stringify(message) as string | undefined;
  if (json === undefined) throw new InvalidArgumentError("message: toJSON returned nothing that JSON can hold");
  return json;
}

/** Whether `value` is an array, or an object whose prototype is null or `Object.prototype` (of any realm). */
function isPlain(value: object): boolean {
  if (Array.isArray(value)) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function nameOf(value: object): string {
  const name = (value.constructor as { name?: unknown } | undefined)?.name;
  return typeof name === "string" && name !== "" ? `an instance of ${name}` : "an object of a class";
}
