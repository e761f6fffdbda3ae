import { InvalidArgumentError, OutOfRangeError } from "../errors/errors.ts";
import type { JoinOptions } from "../topics/history-context.ts";
import { TOPIC_PROTOCOL } from "../topics/topic-request.ts";
import { describe } from "../util/describe.ts";
import type { ListedMember } from "../topics/presence-node.ts";
import { readPresence } from "./presence-option.ts";
import { checkOptionNames } from "./option-names.ts";

/** How a subscription begins, without options. */
const NO_OPTIONS: SubscribeSettings = Object.freeze({ since: undefined, last: 0, isFramed: false, member: undefined });
const ONLY_FRAMED: SubscribeSettings = Object.freeze({ ...NO_OPTIONS, isFramed: true });

/** Checked options of `subscribe`. */
export interface SubscribeSettings extends JoinOptions {
  /** Who is listed as present; undefined: nobody. */
  readonly member: ListedMember | undefined;
}

/**
 * Reads the options of `subscribe`. `since` may be anything: what is no position is not recovered.
 *
 * @param protocol the subprotocol of the connection: under `hawser.v1` messages always begin with a header line
 * @throws {InvalidArgumentError} for an option of another type, or one that does not exist
 * @throws {OutOfRangeError} for a number of messages that is negative or no integer
 */
export function readSubscribeOptions(options: unknown, protocol?: string): SubscribeSettings {
  const isFramed = protocol === TOPIC_PROTOCOL;
  if (options === undefined) return isFramed ? ONLY_FRAMED : NO_OPTIONS;
  checkOptionNames("subscribe", options);
  const { since, last, framing, presence } = options as Record<string, unknown>;
  if (framing !== undefined && framing !== "none" && framing !== "header")
    throw new InvalidArgumentError(`subscribe: framing: expected "none" or "header", got ${describe(framing)}`);
  return {
    // Null and undefined: nothing is asked for. Everything else is, and may be no position.
    since: since === undefined || since === null ? undefined : typeof since === "string" ? since : "",
    last: readLast(last),
    isFramed: isFramed || framing === "header",
    member: readPresence(presence),
  };
}

function readLast(last: unknown): number {
  if (last === undefined) return 0;
  if (typeof last !== "number")
    throw new InvalidArgumentError(`subscribe: last: expected a number, got ${describe(last)}`);
  if (Number.isSafeInteger(last) && last >= 0) return last;
  throw new OutOfRangeError(`subscribe: last: expected an integer from 0 on, got ${String(last)}`);
}
