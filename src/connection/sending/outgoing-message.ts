import { isAnyArrayBuffer, isTypedArray } from "node:util/types";

import { InvalidArgumentError } from "../../errors/errors.ts";
import { type Bytes, asBytes, copyOf } from "../../protocol/bytes.ts";
import { type DataOpcode, Opcode } from "../../protocol/opcodes.ts";
import { MAX_COPIED } from "../transport/stream-writer.ts";
import { EXPECTED, jsonText } from "./json-text.ts";
import { cancelUnsent, isStream } from "./stream-source.ts";

/**
 * A message that `send` accepts. It sends a string as a text frame, and bytes or a `Blob` as a binary frame. It sends a web `ReadableStream`,
 * a `Readable` of Node's or another async iterable as one message in fragments. It sends any other object, also an instance of a class, as exactly the JSON text that `JSON.stringify` makes. Objects of which JSON would hold
 * nothing are an error: functions, promises, `Map`, `Set`, `Error`, `RegExp` and the like, unless they have `toJSON`.
 */
export type Message = string | ArrayBufferView | ArrayBufferLike | Blob | object;

/** The error that TypeScript shows at a message that `send` does not accept; `unknown` if it does. */
export type FittingMessage<M> = [AllFit<MessageVerdict<M>>] extends [false]
  ? Exclude<MessageVerdict<M>, "fits">
  : unknown;

/**
 * The parameter of `send` for connections that send messages of the type `Out`. With `unknown` that is every message, and a
 * value that JSON cannot represent is an error.
 */
export type MessageOf<Out, M> = [Out] extends [Message]
  ? Out & FittingMessage<Out>
  : [Out] extends [Message | Unsendable]
    ? "The second type of WebSocketConnection must be a message: text, bytes or objects"
    : M & FittingMessage<M>;

/** The parameter of `broadcast`: as for `send`, but no stream, which can be read once, at one speed. */
export type BroadcastableOf<Out, M> = MessageOf<Out, M> & NoStream<M>;

/** The parameter of `publish`: as for `broadcast`, but no `Blob`, which is read later: the next message would come before it. */
export type PublishableOf<Out, M> = M extends Blob
  ? "A Blob cannot be published: read it before"
  : BroadcastableOf<Out, M>;

/** The error that TypeScript shows at a stream; `unknown` at what is none. */
type NoStream<M> = [AllFit<StreamVerdict<M>>] extends [false] ? Exclude<StreamVerdict<M>, "fits"> : unknown;

type StreamVerdict<M> = 0 extends 1 & M
  ? "fits"
  : M extends Streamed
    ? "A stream cannot be sent to many: send it on one connection, or its parts as messages"
    : "fits";

/** What `send` sends as a stream, unless it has `toJSON`. */
type Streamed = (AsyncIterable<unknown> | { getReader(...args: never): unknown }) & { readonly toJSON?: never };

type Unsendable = null | undefined | number | bigint | boolean | symbol;

type AllFit<V> = [V] extends ["fits"] ? true : false;

/** Each type of a message fits, or what is wrong with it. `any` fits. */
type MessageVerdict<M> = 0 extends 1 & M ? "fits" : ObjectVerdict<M>;

type ObjectVerdict<M> = M extends
  string | ArrayBufferView | ArrayBufferLike | Blob | { toJSON(...args: never): unknown }
  ? "fits"
  : M extends ((...args: never) => unknown) | (abstract new (...args: never) => unknown)
    ? "A function cannot be sent"
    : M extends PromiseLike<unknown>
      ? "A promise cannot be sent: await it first"
      : M extends ReadonlyMap<unknown, unknown> | ReadonlySet<unknown> | WeakMap<never, unknown> | WeakSet<never>
        ? "The JSON of a Map or a Set has nothing of it: send an array or an object"
        : M extends RegExp
          ? "The JSON of a RegExp has nothing of it"
          : ErrorVerdict<M>;

/** An object with a name and a message is no error, nor is one that has a stack for sure. */
type ErrorVerdict<M> = M extends Error
  ? "stack" extends keyof M
    ? Partial<Pick<M, "stack">> extends Pick<M, "stack">
      ? "The JSON of an Error does not have its message: send its properties"
      : "fits"
    : "fits"
  : "fits";

/** A message whose bytes must be read first: a `Blob`, or a `Blob` that several connections share. */
export type BlobLike = Pick<Blob, "size" | "arrayBuffer">;

/** Whether a message is compressed, if that was agreed. */
export const Compression = {
  /** It is compressed if it is long enough, and gets smaller. */
  allowed: 0,
  /** It is not compressed: the application has said so. */
  forbidden: 1,
  /** Its payload is compressed already, by itself. */
  done: 2,
} as const;

/** One of the values of `Compression`. */
export type Compression = (typeof Compression)[keyof typeof Compression];

/** A message on its way to a peer. */
export interface OutgoingMessage {
  /** Text or binary. */
  readonly opcode: DataOpcode;
  /** The text or the bytes, or a `Blob` whose bytes are read when its turn comes. */
  readonly payload: string | Bytes | BlobLike;
  /** Under the policy "latest" a waiting message is replaced by a newer one with the same key. */
  readonly key: string | undefined;
  /** Whether it is compressed, if that was agreed. */
  readonly compression: Compression;
}

/** The same message with the bytes of its `Blob`. */
export async function readBlob(message: OutgoingMessage): Promise<OutgoingMessage> {
  const { opcode, payload, key, compression } = message;
  return { opcode, payload: asBytes(Buffer.from(await (payload as BlobLike).arrayBuffer())), key, compression };
}

/** Bytes that may wait: short ones are copied, because the caller may reuse its memory after `send` returns. */
export function copyIfShort(bytes: Bytes): Bytes {
  return bytes.length <= MAX_COPIED ? copyOf(bytes) : bytes;
}

/**
 * Turns a user's message into one that can be sent. Bytes are a view, not a copy. A `Blob` is read later.
 *
 * @param options those of `send`
 * @throws {InvalidArgumentError} for a value of any other type; and the error of `JSON.stringify` if that throws
 */
export function outgoingMessage(message: unknown, options: MessageOptions = NO_OPTIONS): OutgoingMessage {
  const { key, compression } = options;
  if (typeof message === "string") return { opcode: Opcode.text, payload: message, key, compression };
  if (typeof message !== "object" || message === null) {
    throw new InvalidArgumentError(`message: ${EXPECTED}, got ${message === null ? "null" : typeof message}`);
  }
  const payload = binaryOf(message);
  if (payload === undefined && isStream(message)) throw refusedStream(message);
  return payload === undefined
    ? { opcode: Opcode.text, payload: jsonText(message), key, compression }
    : { opcode: Opcode.binary, payload, key, compression };
}

/** Frees a stream that is sent to many, or before there is a connection: it can be read once, at one speed. */
function refusedStream(stream: object): InvalidArgumentError {
  const error = new InvalidArgumentError(
    "message: a stream can be sent only on one open connection, with its `send`: not to many, and not before a client is connected",
  );
  cancelUnsent(stream, error);
  return error;
}

/** What the application has said about one message. */
export type MessageOptions = Pick<OutgoingMessage, "key" | "compression">;

/** Nothing was said. */
export const NO_OPTIONS: MessageOptions = { key: undefined, compression: Compression.allowed };

/** Whether the bytes of a payload must be read first. */
export function isBlobLike(payload: OutgoingMessage["payload"]): payload is BlobLike {
  return typeof payload !== "string" && !(payload instanceof Uint8Array);
}

/** The bytes of an object that holds bytes; undefined for another one. */
export function bytesIn(object: object): Bytes | undefined {
  const bytes = object instanceof Blob ? undefined : binaryOf(object);
  return bytes instanceof Uint8Array ? bytes : undefined;
}

/** The bytes of an object that holds bytes, or a `Blob`; undefined for another object. */
function binaryOf(message: object): Bytes | BlobLike | undefined {
  // A `Proxy` of a `Buffer` is not a view: its bytes cannot be read.
  if (ArrayBuffer.isView(message))
    return Buffer.isBuffer(message) && hasTrueLength(message) ? message : bytesOf(() => viewOf(message));
  if (Buffer.isBuffer(message)) throw new InvalidArgumentError(`message: ${EXPECTED}, got a Proxy of a Buffer`);
  // Buffers of another realm (`node:vm`) are accepted too, so `instanceof` does not do.
  if (isAnyArrayBuffer(message)) return bytesOf(() => viewOf(new Uint8Array(message)));
  return message instanceof Blob ? sizedBlob(message) : undefined;
}

/**
 * A `Blob` whose size was read once, before it is counted: a subclass may compute it, or send from its getter. Undefined
 * for an object that only has the prototype of `Blob`: it throws when its size is read.
 */
function sizedBlob(blob: Blob): BlobLike | undefined {
  try {
    const { size } = blob;
    return Number.isSafeInteger(size) && size >= 0 ? { size, arrayBuffer: () => blob.arrayBuffer() } : undefined;
  } catch {
    return undefined;
  }
}

/** The prototype of all typed arrays. */
const TypedArray = Object.getPrototypeOf(Uint8Array.prototype) as object;

/** The platform's getter of the true length of a typed array. A property of its own called `length` may say something else. */
const { get: trueLength } = Object.getOwnPropertyDescriptor(TypedArray, "byteLength") as { readonly get: () => number };

/** Whether a `Buffer` has as many bytes as it says. Its length is read many times after this. One without bytes may have lost its memory. */
function hasTrueLength(buffer: Buffer): buffer is Buffer & Bytes {
  return !Object.hasOwn(buffer, "length") && buffer.length > 0 && trueLength.call(buffer) === buffer.length;
}

/** The bytes that `read` finds, which throws if their memory was transferred to another thread. */
function bytesOf(read: () => Bytes): Bytes {
  try {
    return read();
  } catch (cause) {
    throw new InvalidArgumentError("message: its memory was transferred, it has no bytes any more", { cause });
  }
}

/** The true bytes of a view, whatever its own properties say. */
function viewOf(view: ArrayBufferView): Bytes {
  const prototype = isTypedArray(view) ? TypedArray : DataView.prototype;
  const get = (name: string): unknown => Reflect.get(prototype, name, view);
  return asBytes(Buffer.from(get("buffer") as ArrayBuffer, get("byteOffset") as number, get("byteLength") as number));
}
