import { type SendOptions, readMessageOptions } from "../connection/sending/message-options.ts";
import { type OutgoingMessage, isBlobLike, outgoingMessage } from "../connection/sending/outgoing-message.ts";
import { InvalidArgumentError, OutOfRangeError } from "../errors/errors.ts";
import type { Bytes } from "../protocol/bytes.ts";
import { describe } from "../util/describe.ts";

/** The longest name that the application may give a message, in bytes of UTF-8. */
const MAX_ID_SIZE = 128;

/** A message whose bytes need not be read first. */
export type PublishedMessage = OutgoingMessage & { readonly payload: string | Bytes };

/**
 * The message of `publish`.
 *
 * @throws {InvalidArgumentError} for a `Blob`, what `send` refuses, and an object that `JSON.stringify` refuses
 */
export function publishedMessage(message: unknown, options: SendOptions): PublishedMessage {
  const read = readMessageOptions("publish", options);
  try {
    const outgoing = outgoingMessage(message, read);
    // It is read later, and the next message would come before it.
    if (isBlobLike(outgoing.payload)) throw new InvalidArgumentError("message: a Blob must be read before");
    return outgoing as PublishedMessage;
  } catch (cause) {
    // For a bigint, or an object that is in itself, `JSON.stringify` throws a `TypeError`.
    if (!(cause instanceof TypeError)) throw cause;
    const { message: said } = cause;
    const isOurs = cause instanceof InvalidArgumentError;
    const text = isOurs ? said.replace(", Blob", "") : `message: JSON cannot hold it: ${said}`;
    throw new InvalidArgumentError(`publish: ${text}`, { cause });
  }
}

/**
 * Reads the option `id` of `publish`.
 *
 * @throws {InvalidArgumentError} for a value of another type
 * @throws {OutOfRangeError} for one that is empty or too long
 */
export function readMessageId(id: unknown): string | undefined {
  if (id === undefined) return undefined;
  if (typeof id !== "string") throw new InvalidArgumentError(`publish: id: expected a string, got ${describe(id)}`);
  const size = Buffer.byteLength(id);
  if (size >= 1 && size <= MAX_ID_SIZE) return id;
  throw new OutOfRangeError(`publish: id: expected 1 to ${String(MAX_ID_SIZE)} bytes of UTF-8, got ${String(size)}`);
}

/**
 * Checks the size of a message that is stored: it goes to clients as one message.
 *
 * @throws {OutOfRangeError} for one that is too large
 */
export function checkStoredSize(payload: string | Bytes, maxSize: number): void {
  const size = typeof payload === "string" ? Buffer.byteLength(payload) : payload.length;
  if (size > maxSize)
    throw new OutOfRangeError(`publish: message: expected at most ${String(maxSize)} bytes, got ${String(size)}`);
}
