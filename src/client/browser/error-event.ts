import type { ErrorEntry, ErrorSource, WSErrorEvent } from "../../connection/dispatch/events.ts";
import { HawserError } from "../../errors/errors.ts";
import { errorTable } from "../../errors/table.ts";
import { attempt, isInstanceOf } from "../../util/attempt.ts";

/** A chain of causes longer than this is cut: it may be a circle. */
const MAX_CAUSES = 10;

/** A longer message is cut. */
const MAX_LENGTH = 1_000;

/** The event for an error and its chain of causes, as on Node. Nothing that the error does throws here. */
export function browserErrorEvent(error: unknown, source: ErrorSource): WSErrorEvent {
  const errors: [ErrorEntry, ...ErrorEntry[]] = [entryOf(error, source)];
  for (
    let cause = causeOf(error);
    cause !== undefined && cause !== null && errors.length < MAX_CAUSES;
    cause = causeOf(cause)
  )
    errors.push(entryOf(cause, source));
  return { type: "error", errors };
}

function causeOf(error: unknown): unknown {
  return isInstanceOf(error, Error) ? attempt(() => error.cause) : undefined;
}

function textOf(error: unknown): string {
  return isInstanceOf(error, Error) ? error.message || error.name : String(error);
}

function entryOf(error: unknown, source: ErrorSource): ErrorEntry {
  const message = attempt(() => textOf(error).slice(0, MAX_LENGTH)) ?? "Something that cannot be read was thrown";
  const { errCode, componentSignature } = isInstanceOf(error, HawserError)
    ? error
    : source === "handler"
      ? errorTable.HWS_HANDLER_FAILED
      : { errCode: 0, componentSignature: "syst" };
  return { errCode, message, componentSignature, cause: error };
}
