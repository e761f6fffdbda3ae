import { AsyncResource } from "node:async_hooks";

const nobody = new AsyncResource("HawserNoContext");

/**
 * Calls `run` in no asynchronous context. What many connections share, such as a timer, would otherwise run in the context of
 * the connection that used it first, and a user's code would see another user's store (`AsyncLocalStorage`).
 */
export function inNoContext<Result>(run: () => Result): Result {
  return nobody.runInAsyncScope(run);
}
