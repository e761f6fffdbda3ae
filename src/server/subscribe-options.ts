import { InvalidArgumentError, OutOfRangeError } from "../errors/errors.ts";
import type { JoinOptions } from "../topics/topic-history.ts";
import { describe } from "../util/describe.ts";
import { checkOptionNames } from "./option-names.ts";

/** How a subscription begins, without options. */
const NO_OPTIONS: JoinOptions = Object.freeze({ since: undefined, last: 0, isFramed: false });

/**
 * Reads the options of `subscribe`. `since` may be anything: what is no position is not recovered.
 *
 * @throws {InvalidArgumentError} for an option of another type, or one that does not exist
 * @throws {OutOfRangeError} for a number of messages that is negative or no integer
 */
export function readSubscribeOptions(options: unknown): JoinOptions {
  if (options === undefined) return NO_OPTIONS;
  checkOptionNames("subscribe", options);
  const { since, last, framing } = options as { since?: unknown; last?: unknown; framing?: unknown };
  if (framing !== undefined && framing !== "none" && framing !== "header")
    throw new InvalidArgumentError(`subscribe: framing: expected "none" or "header", got ${describe(framing)}`);
  return {
    // Null and undefined: nothing is asked for. Everything else is, and may be no position.
    since: since === undefined || since === null ? undefined : typeof since === "string" ? since : "",
    last: readLast(last),
    isFramed: framing === "header",
  };
}

function readLast(last: unknown): number {
  if (last === undefined) return 0;
  if (typeof last !== "number")
    throw new InvalidArgumentError(`subscribe: last: expected a number, got ${describe(last)}`);
  if (Number.isSafeInteger(last) && last >= 0) return last;
  throw new OutOfRangeError(`subscribe: last: expected an integer from 0 on, got ${String(last)}`);
}
