import { InvalidArgumentError, OutOfRangeError } from "../errors/errors.ts";
import type { ListedMember } from "../topics/presence-node.ts";
import { describe } from "../util/describe.ts";
import { ownText } from "../util/own-text.ts";

/** The most bytes of the name of somebody who is present, and of what is told about him, as JSON. */
const MAX_ID_SIZE = 128;
const MAX_DATA_SIZE = 1024;

/**
 * Reads the option `presence` of `subscribe`.
 *
 * @throws {InvalidArgumentError} for a value of another type, or data that JSON cannot hold
 * @throws {OutOfRangeError} for an id that is empty or too long, or data that are too long
 */
export function readPresence(presence: unknown): ListedMember | undefined {
  if (presence === undefined) return undefined;
  if (typeof presence !== "object" || presence === null)
    throw new InvalidArgumentError(`subscribe: presence: expected an object with id, got ${describe(presence)}`);
  const { id, data } = presence as { id?: unknown; data?: unknown };
  if (typeof id !== "string")
    throw new InvalidArgumentError(`subscribe: presence: id: expected a string, got ${describe(id)}`);
  checkSize("id", id, 1, MAX_ID_SIZE);
  const text = jsonOf(data);
  if (text !== undefined) checkSize("data", text, 0, MAX_DATA_SIZE);
  // It may have been cut from a long message.
  return { id: ownText(id), data: text };
}

function jsonOf(data: unknown): string | undefined {
  if (data === undefined) return undefined;
  let text: unknown;
  let cause: unknown;
  try {
    text = JSON.stringify(data);
  } catch (error) {
    cause = error;
  }
  if (typeof text === "string") return text;
  throw new InvalidArgumentError(`subscribe: presence: data: JSON cannot hold ${describe(data)}`, { cause });
}

function checkSize(name: string, text: string, min: number, max: number): void {
  const size = Buffer.byteLength(text);
  if (size >= min && size <= max) return;
  throw new OutOfRangeError(
    `subscribe: presence: ${name}: expected ${String(min)} to ${String(max)} bytes of UTF-8, got ${String(size)}`,
  );
}
