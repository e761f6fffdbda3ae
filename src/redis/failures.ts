import { constants } from "node:os";
import { HawserError } from "../errors/errors.ts";

/** What a call rejects with if no answer comes. */
export type LostCode = "HWS_BACKPLANE_AWAY" | "HWS_PUBLISH_UNCERTAIN";

/** The answer to a script that the server does not have. */
export const NO_SCRIPT = "NOSCRIPT";

/** Answers of a server that cannot serve now, or is not the right one. It has done nothing: another connection may do better. */
const NOT_HERE = new Set(["MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN", "LOADING", "MASTERDOWN", "READONLY"]);

/**
 * The code with which an error answer of Redis begins, e.g. "OOM"; undefined: the error is no answer, but one of the connection. Redis
 * 6 wraps the errors of commands within scripts.
 */
export function answerCode(error: unknown): string | undefined {
  // Node and the client libraries give their own errors a code, and their texts may begin with it: "ETIMEDOUT". An answer has none.
  if (!(error instanceof Error) || ("code" in error && typeof error.code === "string")) return undefined;
  const wrapped = /^ERR Error running script.*?: -([A-Z]+) /.exec(error.message);
  const code = (wrapped ?? /^([A-Z][A-Z\d]+)(?: |$)/.exec(error.message))?.[1];
  // A library may have made another error with that text.
  return code === undefined || code in constants.errno ? undefined : code;
}

/** What is the matter with a call that has failed. */
export interface Failure {
  /** What the call rejects with. */
  readonly error: HawserError;
  /** The connection is of no use any more. */
  readonly isBroken: boolean;
}

/** What becomes of a call whose promise the client has rejected. */
export function failureOf(cause: unknown, lost: LostCode): Failure {
  if (cause instanceof HawserError) return { error: cause, isBroken: false };
  const code = answerCode(cause);
  const detail = cause instanceof Error ? cause.message : String(cause);
  if (code === undefined) return { error: new HawserError(lost, detail, { cause }), isBroken: true };
  const isBroken = NOT_HERE.has(code);
  const named = isBroken ? "HWS_BACKPLANE_AWAY" : "HWS_BACKPLANE_FAILED";
  return { error: new HawserError(named, detail, { cause }), isBroken };
}
