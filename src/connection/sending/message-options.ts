import { InvalidArgumentError } from "../../errors/errors.ts";
import { describe } from "../../util/describe.ts";
import { Compression, type MessageOptions } from "./outgoing-message.ts";

/** Options of one message. */
export interface SendOptions {
  /** With `sendQueuePolicy: "latest"`, a waiting message is replaced by a newer one with the same key, e.g. `"price:EUR"`. */
  readonly key?: string | undefined;
  /**
   * Whether the message may be compressed, if the server has the option `compression` and the peer agreed. Default true. Set it to
   * false for a secret that is sent together with what an attacker can choose (CRIME, BREACH).
   */
  readonly compress?: boolean | undefined;
}

/**
 * The options of one message.
 *
 * @throws {InvalidArgumentError} when the options are not an object, or one of them is of another type
 */
export function readMessageOptions(method: string, options: unknown): MessageOptions {
  if (typeof options !== "object" || options === null)
    throw new InvalidArgumentError(`${method}: options: expected an object`);
  const { key, compress } = options as { key?: unknown; compress?: unknown };
  if (key !== undefined && typeof key !== "string")
    throw new InvalidArgumentError(`${method}: key: expected a string, got ${key === null ? "null" : typeof key}`);
  if (compress !== undefined && typeof compress !== "boolean")
    throw new InvalidArgumentError(`${method}: compress: expected true or false, got ${describe(compress)}`);
  return { key, compression: compress === false ? Compression.forbidden : Compression.allowed };
}
