import { AutoResponse } from "../connection/auto-response.ts";
import { InvalidArgumentError, OutOfRangeError } from "../errors/errors.ts";
import { describe } from "../util/describe.ts";
import { readTable } from "../util/option-table.ts";

/** The most bytes of each text: as many as a control frame may have (RFC 6455 5.5). */
const MAX_SIZE = 125;

const texts = { request: readText, response: readText } as const;

/**
 * Reads the option `autoResponse`.
 *
 * @throws {InvalidArgumentError} unless both are texts of valid Unicode that are not empty
 * @throws {OutOfRangeError} for a text that is too long
 */
export function readAutoResponse(value: unknown): AutoResponse | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== "object" || value === null)
    throw new InvalidArgumentError(
      `autoResponse: expected an object like { request: "ping", response: "pong" }, got ${describe(value)}`,
    );
  const { request, response } = readTable(texts, value, {}, "autoResponse: ");
  return new AutoResponse(request, response);
}

function readText(value: unknown, name: string): string {
  if (typeof value !== "string" || value === "")
    throw new InvalidArgumentError(`${name}: expected a text, got ${value === "" ? "an empty one" : describe(value)}`);
  const size = Buffer.byteLength(value);
  if (size > MAX_SIZE)
    throw new OutOfRangeError(`${name}: expected at most ${String(MAX_SIZE)} bytes of UTF-8, got ${String(size)}`);
  // It would be sent as another text, and never come like this.
  if (Buffer.from(value).toString() !== value) throw new InvalidArgumentError(`${name}: it has a lone surrogate`);
  return value;
}
