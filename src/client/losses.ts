import type { WSErrorEvent } from "../connection/dispatch/events.ts";
import { HawserError } from "../errors/errors.ts";
import type { ErrorCode } from "../errors/table.ts";
import { attempt } from "../util/attempt.ts";
import { ConnectError } from "./connect-error.ts";
import type { LinkEnd } from "./link.ts";
import type { ClientPlatform } from "./platform.ts";
import { readRetryAfter, readRetryReason } from "./retry-hint.ts";
import type { Loss } from "./verdict.ts";

/** How a client ends, if it does not connect again. */
export interface Ending {
  /** What `onTerminate` gets. */
  readonly end: LinkEnd;
  /** What `onError` gets; undefined: nothing failed. */
  readonly errors: WSErrorEvent | undefined;
  /** The HTTP status of a dial that was refused. */
  readonly status?: number | undefined;
  /** Milliseconds that the server asked to wait. */
  readonly hint?: number | undefined;
}

/** Errors that say that the network, or the server's machine, is gone. All others are ours: a message that fails would fail again. */
const LOST: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "HWS_STREAM_FAILED",
  "HWS_STREAM_ENDED",
  "HWS_PEER_SILENT",
  "HWS_CLOSE_TIMEOUT",
]);

/** Whether a connection ended because we failed: the handler threw, or a message was too big or invalid. */
export function isOwnFailure(error: unknown): boolean {
  return error !== undefined && !(error instanceof HawserError && LOST.has(error.code));
}

/** A connection was lost. */
export function lossOfClose({ code, reason }: LinkEnd, error: Error | undefined): Loss {
  return { opened: true, code, reason, status: undefined, stage: undefined, error };
}

/** A dial failed. */
export function lossOfDial(cause: unknown, opened: boolean): { readonly loss: Loss; readonly error: ConnectError } {
  const error = asConnectError(cause);
  const { status, stage } = error;
  return { loss: { opened, code: 1006, reason: undefined, status, stage, error }, error };
}

/** How a client ends after a dial that failed. */
export function endOfDial(error: ConnectError, platform: ClientPlatform): Ending {
  return {
    end: { code: 1006, reason: undefined, initiator: "network", cause: error },
    errors: platform.errorEvent(error, "library"),
    status: error.status,
    hint: readRetryAfter(error.headers?.get("retry-after") ?? undefined, Date.now()),
  };
}

/** How a client ends after a connection that was lost. */
export function endOfLink(end: LinkEnd, errors: WSErrorEvent | undefined): Ending {
  return { end, errors, hint: readRetryReason(end.code, end.reason) };
}

/** The application ends a client that is not connected. `last`: what it was waiting after; `errors`: why, if something failed. */
export function endOfApplication(
  last: Loss | undefined,
  errors: WSErrorEvent | HawserError | undefined,
  platform: ClientPlatform,
): Ending {
  const event = errors instanceof HawserError ? platform.errorEvent(errors, "library") : errors;
  const cause = event?.errors[0].cause;
  return {
    end: {
      code: last?.code ?? 1005,
      reason: last?.reason,
      initiator: "local",
      cause: cause instanceof HawserError ? cause : undefined,
    },
    errors: event,
  };
}

/** What `onReconnecting` tells of what failed. */
export function errorsOf({ errors, end }: Ending, platform: ClientPlatform): WSErrorEvent["errors"] | readonly [] {
  if (errors !== undefined) return errors.errors;
  return end.cause === undefined ? [] : platform.errorEvent(end.cause, "library").errors;
}

/** The client ends because as many dials have failed as may. */
export function gaveUp({ end }: Ending, attempts: number, platform: ClientPlatform): Ending {
  const { cause } = end;
  const detail = `${String(attempts)} in a row${cause === undefined ? "" : `, the last one: ${cause.message}`}`;
  const error = new HawserError("HWS_GAVE_UP", detail, cause === undefined ? undefined : { cause });
  return { end: { ...end, cause: error }, errors: platform.errorEvent(error, "library") };
}

/** The error of a client whose `signal` has aborted. */
export function aborted(signal: AbortSignal | undefined): HawserError {
  return new HawserError("HWS_ABORTED", undefined, { cause: signal?.reason });
}

function asConnectError(cause: unknown): ConnectError {
  if (cause instanceof ConnectError) return cause;
  const message = attempt(() => (cause as Error).message);
  return new ConnectError("HWS_CONNECT_FAILED", message, { stage: "tcp", cause });
}
