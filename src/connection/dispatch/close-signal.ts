import { setMaxListeners } from "node:events";

import { withoutStack } from "../../errors/errors.ts";
import { attempt } from "../../util/attempt.ts";
import { callInNoContext } from "../transport/no-context.ts";
import { afterSendLoop } from "../transport/send-loop.ts";
import { causeChain } from "./causes.ts";
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
    controllers.set(connection, (controller = newController()));
    if (isOver) abort(controller);
  }
  return controller.signal;
}

/** A controller whose signal may have any number of listeners: each task of a connection adds one. Node warns of the eleventh. */
export function newController(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}

/** Aborts the signal of a connection, if there is one; after the loop that sends to many connections. */
export function abortSignalOf(connection: object): void {
  const controller = controllers.get(connection);
  if (controller !== undefined) afterSendLoop(connection, () => callInNoContext(() => abort(controller)));
}

/**
 * Aborts a signal. Its reason has no stack: the engine keeps the objects in it, such as the connection and its stream, for as long as
 * somebody keeps the reason.
 */
export function abort(controller: AbortController): void {
  const reason = withoutStack(() => new DOMException("This operation was aborted", "AbortError"));
  controller.abort(reason);
}

/** Whether a callback failed only because the signal of its connection has aborted what it waited for. */
export function isAbortOf(connection: object, error: unknown): boolean {
  return isAbortBy(controllers.get(connection)?.signal, error);
}

/** The codes of errors that say that somebody has cancelled: those of Node and of axios. */
const ABORT_CODES: readonly unknown[] = ["ABORT_ERR", "ERR_CANCELED"];

/**
 * The same of any signal; undefined: nobody has asked for it. After the signal has aborted, its reason is no failure, nor is an error
 * that has the reason among its causes, nor one whose `name` is "AbortError", or whose `code` is one of `ABORT_CODES`.
 */
export function isAbortBy(signal: AbortSignal | undefined, error: unknown): boolean {
  if (signal?.aborted !== true) return false;
  if (isError(error) && (attempt(() => error.name) === "AbortError" || ABORT_CODES.includes(codeOf(error))))
    return true;
  return causeChain(error).includes(signal.reason);
}

function codeOf(error: Error): unknown {
  return attempt(() => (error as { readonly code?: unknown }).code);
}
