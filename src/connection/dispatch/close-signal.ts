import { withoutStack } from "../../errors/errors.ts";
import { attempt } from "../../util/attempt.ts";
import { callInNoContext } from "../transport/no-context.ts";
import { isError } from "./thrown-text.ts";

/** The controllers of the connections whose signal was asked for. A field would take 8 bytes for each connection. */
const controllers = new WeakMap<object, AbortController>();

/**
 * The signal that aborts when `connection` leaves "Connected". It is made for the first caller.
 *
 * @param isOver whether the connection has left "Connected" already
 */
export function signalOf(connection: object, isOver: boolean): AbortSignal {
  let controller = controllers.get(connection);
  if (controller === undefined) {
    controllers.set(connection, (controller = new AbortController()));
    if (isOver) abort(controller);
  }
  return controller.signal;
}

/** Aborts the signal of a connection, if there is one. */
export function abortSignalOf(connection: object): void {
  const controller = controllers.get(connection);
  if (controller !== undefined) callInNoContext(() => abort(controller));
}

/**
 * Aborts a signal. Its reason has no stack: the engine keeps the objects in it, such as the connection and its stream, for as long as
 * somebody keeps the reason.
 */
export function abort(controller: AbortController): void {
  const reason = withoutStack(() => new DOMException("This operation was aborted", "AbortError"));
  controller.abort(reason);
}

/**
 * Whether a callback failed only because the signal of its connection has aborted what it waited for: it threw the signal's
 * reason, or an error that the platform made of it.
 */
export function isAbortOf(connection: object, error: unknown): boolean {
  return isAbortBy(controllers.get(connection)?.signal, error);
}

/** The same of any signal; undefined: nobody has asked for it. */
export function isAbortBy(signal: AbortSignal | undefined, error: unknown): boolean {
  if (signal?.aborted !== true) return false;
  return error === signal.reason || (isError(error) && attempt(() => error.name) === "AbortError");
}
