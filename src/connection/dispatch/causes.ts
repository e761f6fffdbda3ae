import { attempt } from "../../util/attempt.ts";
import { isError } from "./thrown-text.ts";

/** A chain of causes longer than this is cut: it may be a circle. */
const MAX_CAUSES = 10;

/** What was thrown, which may be anything, and then the causes of it, the nearest first. Nothing that they do throws here. */
export function causeChain(thrown: unknown): [unknown, ...unknown[]] {
  let cause = causeOf(thrown);
  const chain: [unknown, ...unknown[]] = cause === undefined || cause === null ? [thrown] : [thrown, cause];
  // Most errors have one cause or none: the array need not grow.
  if (chain.length > 1) cause = causeOf(cause);
  while (cause !== undefined && cause !== null && chain.length < MAX_CAUSES) {
    chain.push(cause);
    cause = causeOf(cause);
  }
  return chain;
}

function causeOf(error: unknown): unknown {
  return isError(error) ? attempt(() => error.cause) : undefined;
}
