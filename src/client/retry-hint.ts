/** A close reason that says when to come back: a browser sees no header (a draining server of this library sends it). */
const REASON = /^retry-after=(\d{1,15})$/;

/** Codes with which that reason counts. */
const CODES: readonly number[] = [1001, 1012, 1013];

/**
 * Milliseconds that the header `Retry-After` asks to wait (RFC 9110 10.2.3): a number of seconds, or a date.
 *
 * @param now the time of `Date.now()`
 * @returns undefined for a value that is neither, and for a date that has passed
 */
export function readRetryAfter(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined;
  const text = value.trim();
  if (/^\d{1,15}$/.test(text)) return Number(text) * 1_000;
  // A date of HTTP begins with the name of a day. `Date.parse` also takes a number.
  const date = /^[A-Z][a-z]{2,8},? /.test(text) ? Date.parse(text) : NaN;
  return date > now ? date - now : undefined;
}

/** Milliseconds that the reason `retry-after=N` of a close frame asks to wait; undefined: it asks nothing. */
export function readRetryReason(code: number, reason: string | undefined): number | undefined {
  const seconds = reason === undefined || !CODES.includes(code) ? undefined : REASON.exec(reason)?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1_000;
}
