import { HawserError } from "../../errors/errors.ts";
import { SYSTEM_COMPONENT, errorTable } from "../../errors/table.ts";
import { attempt, isInstanceOf } from "../../util/attempt.ts";
import { causeChain } from "./causes.ts";
import { thrownText } from "./thrown-text.ts";

/** `onOpen` of a server's and of a connection's handler. */
export interface WSOpenEvent {
  readonly type: "open";
}

/** A connection's `onMessage`: one whole message. */
export interface WSMessageEvent<Data = string> {
  readonly type: "message";
  /**
   * The message, as the server's `dataType` says. Copy what is kept for long: bytes are a view of up to 64 KiB that were
   * received together, a short text is cut from up to 1 KiB of them (`Buffer.from(text).toString()` is a copy).
   */
  readonly data: Data;
}

/** A connection's `onDrain`: no more than `highWaterMark` bytes wait again, after a `send` that returned false. */
export interface WSDrainEvent {
  readonly type: "drain";
}

/** `onError` of a server's and of a connection's handler. */
export interface WSErrorEvent {
  readonly type: "error";
  /** The error, then its chain of `cause`s. */
  readonly errors: readonly [ErrorEntry, ...ErrorEntry[]];
}

/** One of 4D's error entries. */
export interface ErrorEntry {
  /** A number from the error table (`docs/errors.md`), or the operating system's error number. */
  readonly errCode: number;
  /** What happened, for people. */
  readonly message: string;
  /** Four letters: the part of the library, `hwhd` for an exception in a handler, `syst` for the system. */
  readonly componentSignature: string;
  /** The real error: what a handler threw, a `HawserError`, or Node's own with its `code`. Not 4D's. */
  readonly cause: unknown;
}

/**
 * Who began the end of a connection. `local`: we did, the application or the library. `peer`: its close frame came first.
 * `network`: the stream ended or failed, or the peer was silent, before a close frame.
 */
export type Initiator = "local" | "peer" | "network";

/** A connection's `onTerminate`: the last call of its handler. */
export interface WSTerminateEvent {
  readonly type: "terminate";
  /** The peer's close code; without one 1005 if nothing went wrong and 1006 if it did (RFC 6455 7.1.5). */
  readonly code: number;
  /** The peer's reason, where it gave one. */
  readonly reason: string | undefined;
  /** Who began it. Not 4D's. */
  readonly initiator: Initiator;
  /**
   * Why, with a stable `code` from the error table; undefined after an orderly close by the peer or the application, and after
   * `ws.destroy()`. Not 4D's.
   */
  readonly cause: HawserError | undefined;
}

/** The one `WSOpenEvent`: all are equal. */
export const OPEN_EVENT: WSOpenEvent = Object.freeze({ type: "open" });

/** The one `WSDrainEvent`. */
export const DRAIN_EVENT: WSDrainEvent = Object.freeze({ type: "drain" });

/** Where an error comes from: a user's callback that threw, or the library, the system or the peer. */
export type ErrorSource = "handler" | "library";

/**
 * The event for an error and its chain of causes. Nothing that the error does throws here.
 *
 * @param source "handler" when a user's callback threw `error`; the library's own errors carry their numbers themselves
 */
export function errorEvent(error: unknown, source: ErrorSource): WSErrorEvent {
  // The first entry is always there: a handler may throw even undefined.
  const errors = causeChain(error).map((one) => entryOf(one, source)) as [ErrorEntry, ...ErrorEntry[]];
  return { type: "error", errors };
}

function entryOf(error: unknown, source: ErrorSource): ErrorEntry {
  const message = thrownText(error);
  if (isInstanceOf(error, HawserError)) {
    return { errCode: error.errCode, message, componentSignature: error.componentSignature, cause: error };
  }
  if (source === "handler") {
    const { errCode, componentSignature } = errorTable.HWS_HANDLER_FAILED;
    return { errCode, message, componentSignature, cause: error };
  }
  return { errCode: systemNumber(error), message, componentSignature: SYSTEM_COMPONENT, cause: error };
}

/** The operating system's number of an error, positive, as C has it; 0 where Node gives none. */
function systemNumber(error: unknown): number {
  const number = attempt(() => (error as { errno?: unknown } | undefined)?.errno);
  return typeof number === "number" ? Math.abs(number) : 0;
}

/** Whether a handler has an `onError`. One in JavaScript may have `onError: null`, and a getter or proxy may throw. */
export function hasOnError(handler: { readonly onError?: unknown }): boolean {
  return attempt(() => typeof handler.onError === "function") === true;
}
