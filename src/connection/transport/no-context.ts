import { AsyncResource } from "node:async_hooks";

const nobody = new AsyncResource("HawserNoContext");

/**
 * Calls `run` in no asynchronous context. What many connections share, such as a timer, would otherwise run in the context of
 * the connection that used it first, and a user's code would see another user's store (`AsyncLocalStorage`).
 *
 * @param run must call no code of the user's: see `callInNoContext`
 */
export function inNoContext<Result>(run: () => Result): Result {
  return nobody.runInAsyncScope(run);
}

/** The same for code of the user's. It gets a context of its own: what it enters there (`enterWith`) nobody else sees. */
export function callInNoContext<Result>(run: () => Result): Result {
  return inNoContext(newContext).runInAsyncScope(run);
}

function newContext(): AsyncResource {
  return new AsyncResource("HawserNoContext");
}
