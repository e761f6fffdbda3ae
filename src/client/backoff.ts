import { MAX_TIMEOUT } from "../util/number-range.ts";

/** The delays between dials. */
export interface BackoffSettings {
  /** Milliseconds: the range of the first delay. */
  readonly baseDelay: number;
  /** Milliseconds: the widest range of a delay. */
  readonly maxDelay: number;
}

/** No delay is shorter, in milliseconds; but the first one after a failure may be. */
export const MIN_DELAY = 100;

/** A server that asks for less, in milliseconds, is believed once: a client that follows it again and again has no backoff. */
const SHORT_HINT = 1_000;

/** Above this the range has its full width for any base. */
const MAX_EXPONENT = 16;

/** The range after close code 1012, in milliseconds: all clients of a server that restarts come at once (RFC 6455 7.4.1, registry). */
const RESTART_RANGE = 5_000;

/** Failures that are assumed at least when the server says that it is busy. */
const BUSY_FAILURES = 3;

/** The longest time that a server may ask a client to wait, in milliseconds. */
export const MAX_HINT = 5 * 60_000;

/** What is known of the failure before the delay. */
export interface FailedDial {
  /** Failures in a row, this one included. */
  readonly failures: number;
  /** The close code of a connection that was lost. */
  readonly code?: number | undefined;
  /** The HTTP status of a handshake that was refused. */
  readonly status?: number | undefined;
  /** Milliseconds that the server asked to wait; undefined: it did not. */
  readonly hint?: number | undefined;
}

/**
 * Milliseconds until the next dial, with full jitter: clients that were disconnected together do not come back together.
 *
 * @param random a number from 0 to 1
 */
export function delayBeforeDial(failed: FailedDial, settings: BackoffSettings, random: number): number {
  const { hint, code } = failed;
  if (hint !== undefined && (hint >= SHORT_HINT || failed.failures <= 1)) {
    const asked = Math.min(Math.max(hint, 0), MAX_HINT);
    return clamp(asked + random * Math.max(1_000, asked / 4));
  }
  const exponent = Math.min(failuresOf(failed) - 1, MAX_EXPONENT);
  const range = Math.min(settings.maxDelay, settings.baseDelay * 2 ** exponent);
  return clamp(MIN_DELAY + random * (code === 1012 ? Math.max(range, RESTART_RANGE) : range));
}

function failuresOf({ failures, code, status }: FailedDial): number {
  const isBusy = code === 1013 || status === 503 || status === 429;
  return Math.max(1, isBusy ? failures + BUSY_FAILURES : failures);
}

/** A timer that should wait longer than it can fires at once. */
function clamp(ms: number): number {
  return Math.min(Math.round(ms), MAX_TIMEOUT);
}
