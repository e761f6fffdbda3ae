import { InvalidArgumentError, OutOfRangeError } from "../errors/errors.ts";
import { describe } from "../util/describe.ts";

/** The longest name of a topic, in bytes of UTF-8: it is a part of each message between machines, and the name of a channel there. */
export const MAX_TOPIC_SIZE = 255;

/** A character of UTF-16 needs at most this many bytes. */
const BYTES_PER_UNIT = 3;

/** Control characters would end the header line of a message; a half of a surrogate pair has no bytes in UTF-8. */
const FORBIDDEN = /[\p{Cc}\p{Cs}]/u;

/**
 * Checks the name of a topic.
 *
 * @param what what is checked, for the message of an error
 * @throws {InvalidArgumentError} for a value that is no string, or has control characters or half of a surrogate pair
 * @throws {OutOfRangeError} for a name of no byte, or of more than 255 bytes as UTF-8
 */
export function checkTopic(what: string, topic: unknown): asserts topic is string {
  if (typeof topic !== "string") throw new InvalidArgumentError(`${what}: expected a string, got ${describe(topic)}`);
  if (!hasValidSize(topic))
    throw new OutOfRangeError(`${what}: expected 1 to ${MAX_TOPIC_SIZE} bytes of UTF-8, got ${byteLength(topic)}`);
  if (FORBIDDEN.test(topic))
    throw new InvalidArgumentError(`${what}: expected a text without control characters: ${JSON.stringify(topic)}`);
}

/** Whether a text may be the name of a topic. */
export function isTopic(text: string): boolean {
  return hasValidSize(text) && !FORBIDDEN.test(text);
}

function hasValidSize(topic: string): boolean {
  const isShort = topic.length * BYTES_PER_UNIT <= MAX_TOPIC_SIZE || byteLength(topic) <= MAX_TOPIC_SIZE;
  return topic !== "" && isShort;
}

/** Bytes of UTF-8. Browsers have no Buffer. */
function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}
