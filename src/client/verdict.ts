import { type HawserError, InvalidArgumentError } from "../errors/errors.ts";

/** Where a dial failed. */
export type DialStage = "provider" | "dns" | "tcp" | "proxy" | "tls" | "http" | "handshake";

/** A dial that failed, or a connection that was lost. */
export interface Loss {
  /** Whether a connection had been open before: then the URL and the credentials have worked once. */
  readonly opened: boolean;
  /** The close code: the peer's, 1005 without one, and 1006 without a close frame or connection. */
  readonly code: number;
  /** The reason of the peer's close frame. */
  readonly reason: string | undefined;
  /** The HTTP status of a handshake that was refused. */
  readonly status: number | undefined;
  /** Where a dial failed; undefined: a connection was lost. */
  readonly stage: DialStage | undefined;
  /** What failed; undefined: the connection was closed in order. */
  readonly error: Error | undefined;
}

/** A range of close codes, or one. */
export type CodeRange = number | readonly [from: number, to: number];

/** What happens after a loss. `now`: it is dialed again at once, with fresh credentials. */
export type Verdict = "retry" | "now" | "final";

/** HTTP statuses that pass: the server, or what is in front of it, is not there or is busy. */
const PASSING: readonly number[] = [408, 425, 429, 500, 502, 503, 504];

/** Statuses of a server that has no WebSockets: it may be another one, or the same while it restarts. Over HTTP/2 it does not take CONNECT. */
const OTHERS: readonly number[] = [404, 405, 501];

/** Close codes after which the server may be there again. 3008 is the registry's "Timeout". */
const RETRIED: readonly number[] = [1001, 1006, 1011, 1012, 1013, 1014, 3008];

/** What decides besides the loss. */
export interface VerdictContext {
  /** Close codes of the application that are retried too. */
  readonly retryCodes: readonly CodeRange[];
  /** Whether the next dial may have other credentials: a 401 is tried once more with them. */
  readonly hasProvider: boolean;
  /** Whether there was a 401 since the last connection already. */
  readonly wasUnauthorized: boolean;
}

/**
 * Whether a client connects again. Before the first open, what looks like the caller's mistake is final. After it only the
 * application's word is final: the network and its parts come back.
 */
export function verdictOf(loss: Loss, context: VerdictContext): Verdict {
  if (loss.stage === undefined) return verdictOfClose(loss.code, context.retryCodes);
  if (loss.status !== undefined) return verdictOfStatus(loss, loss.status, context);
  // Wherever it was: a network that is slow now may be fast later.
  if ((loss.error as Partial<HawserError> | undefined)?.code === "HWS_CONNECT_TIMEOUT") return "retry";
  switch (loss.stage) {
    case "provider":
      // A value that cannot be used: it would be the same the next time.
      return !loss.opened && loss.error?.cause instanceof InvalidArgumentError ? "final" : "retry";
    case "dns":
    case "tcp":
    case "proxy":
      return "retry";
    // A certificate is renewed, a captive portal is left, and a load balancer answers in place of the server while it is deployed.
    case "tls":
    case "http":
    case "handshake":
      return loss.opened ? "retry" : "final";
  }
}

function verdictOfClose(code: number, retryCodes: readonly CodeRange[]): Verdict {
  const isMeant = retryCodes.some((one) => (typeof one === "number" ? one === code : one[0] <= code && code <= one[1]));
  return isMeant || RETRIED.includes(code) ? "retry" : "final";
}

function verdictOfStatus({ opened, stage }: Loss, status: number, context: VerdictContext): Verdict {
  if (PASSING.includes(status)) return "retry";
  // The proxy wants other credentials.
  if (stage === "proxy") return "final";
  if (status === 401) return context.hasProvider && !context.wasUnauthorized ? "now" : "final";
  return opened && (OTHERS.includes(status) || status < 400) ? "retry" : "final";
}
