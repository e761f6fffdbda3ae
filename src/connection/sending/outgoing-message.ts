import { isAnyArrayBuffer } from "node:util/types";

import { InvalidArgumentError } from "../../errors/errors.ts";
import { type Bytes, asBytes, copyOf } from "../../protocol/bytes.ts";
import { serializeFrame } from "../../protocol/frame-encoder.ts";
import { FIN } from "../../protocol/frame-header.ts";
import { type DataOpcode, Opcode } from "../../protocol/opcodes.ts";
import { MAX_COPIED } from "../transport/stream-writer.ts";
import { textFrame } from "./text-frames.ts";

/**
 * A message that `send` accepts. It sends a string as a text frame, and bytes or a `Blob` as a binary frame. It sends any
 * other object as JSON text, made by `JSON.stringify`.
 */
export type Message = string | ArrayBufferView | ArrayBufferLike | Blob | object;

/** A message whose bytes must be read first: a `Blob`, or a `Blob` that several connections share. */
export type BlobLike = Pick<Blob, "size" | "arrayBuffer">;

/** A message on its way to a peer. */
export interface OutgoingMessage {
  /** Text or binary. */
  readonly opcode: DataOpcode;
  /** The text or the bytes, or a `Blob` whose bytes are read when its turn comes. */
  readonly payload: string | Bytes | BlobLike;
  /** Under the policy "latest" a waiting message is replaced by a newer one with the same key. */
  readonly key: string | undefined;
}

/** A message for many receivers. It is encoded, or its `Blob` is read, once for all of them. */
export class SharedMessage implements OutgoingMessage {
  readonly opcode: DataOpcode;
  readonly payload: string | Bytes | BlobLike;
  readonly key: string | undefined;
  /** The frame, not masked; undefined for a `Blob`, whose bytes must be read first. */
  readonly frame: Bytes | undefined;

  /** @param message the message that all receivers get */
  constructor({ opcode, payload, key }: OutgoingMessage) {
    this.opcode = opcode;
    this.payload = isBlobLike(payload) ? readOnce(payload) : payload;
    this.key = key;
    this.frame = frameOf(this);
  }
}

/** The frame of a message for many receivers; undefined for another message, or if frames cannot be shared. */
export function sharedFrameOf(message: OutgoingMessage, sharesFrames: boolean): Bytes | undefined {
  return sharesFrames && message instanceof SharedMessage ? message.frame : undefined;
}

/** Bytes that may wait: short ones are copied, because the caller may reuse its memory after `send` returns. */
export function copyIfShort(bytes: Bytes): Bytes {
  return bytes.length <= MAX_COPIED ? copyOf(bytes) : bytes;
}

function frameOf({ opcode, payload }: OutgoingMessage): Bytes | undefined {
  if (typeof payload === "string") return textFrame(payload);
  return isBlobLike(payload) ? undefined : serializeFrame(opcode | FIN, payload);
}

const EXPECTED =
  "expected a string, bytes (Uint8Array, any view, ArrayBuffer, Blob), a plain object, an array, or an object with toJSON";

/**
 * Turns a user's message into one that can be sent. Bytes are a view, not a copy. A `Blob` is read later.
 *
 * @throws {InvalidArgumentError} for a value of any other type; and the error of `JSON.stringify` if that throws
 */
export function outgoingMessage(message: unknown, key?: string): OutgoingMessage {
  if (typeof message === "string") return { opcode: Opcode.text, payload: message, key };
  if (typeof message !== "object" || message === null) {
    throw new InvalidArgumentError(`message: ${EXPECTED}, got ${message === null ? "null" : typeof message}`);
  }
  const payload = binaryOf(message);
  return payload === undefined
    ? { opcode: Opcode.text, payload: jsonOf(message), key }
    : { opcode: Opcode.binary, payload, key };
}

/** Whether the bytes of a payload must be read first. */
export function isBlobLike(payload: OutgoingMessage["payload"]): payload is BlobLike {
  return typeof payload !== "string" && !(payload instanceof Uint8Array);
}

/** The bytes of an object that holds bytes, or a `Blob`; undefined for another object. */
function binaryOf(message: object): Bytes | Blob | undefined {
  // A `Proxy` of a `Buffer` is not a view: its bytes cannot be read.
  if (ArrayBuffer.isView(message)) {
    if (Buffer.isBuffer(message)) return asBytes(message);
    return bytesOf(message.buffer, message.byteOffset, message.byteLength);
  }
  if (Buffer.isBuffer(message)) throw new InvalidArgumentError(`message: ${EXPECTED}, got a Proxy of a Buffer`);
  // Buffers of another realm (`node:vm`) are accepted too, so `instanceof` does not do.
  if (isAnyArrayBuffer(message)) return bytesOf(message, 0, message.byteLength);
  return message instanceof Blob && isRealBlob(message) ? message : undefined;
}

/** An object that only has the prototype of `Blob` throws when its size is read, which must be before it is counted. */
function isRealBlob(blob: Blob): boolean {
  try {
    return Number.isSafeInteger(blob.size) && blob.size >= 0;
  } catch {
    return false;
  }
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

/** Wraps a `Blob` that several connections send, so that it is read only once. */
function readOnce(blob: BlobLike): BlobLike {
  let bytes: Promise<ArrayBuffer> | undefined;
  return { size: blob.size, arrayBuffer: () => (bytes ??= blob.arrayBuffer()) };
}
