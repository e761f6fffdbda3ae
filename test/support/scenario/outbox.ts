import type { SendQueuePolicy } from "hawser";
import { excerpt } from "./tagged.ts";

/** A message that a connection was given. */
export interface Given {
  readonly text: string;
  readonly key: string | undefined;
  /** Whether `send` itself has dropped it; undefined: calls were nested, so this is not known. */
  lost: boolean | undefined;
}

/**
 * Compares the messages that a peer received with those that its connection was given. Returns what is wrong.
 *
 * - `"terminate"` and `"drop-newest"`: it received the first ones of those that `send` did not drop, and no other.
 * - `"drop-oldest"`: it received each at most once and in order.
 * - `"latest"`: the same for the messages of each key. A newer message takes the place of an older one.
 *
 * @param policy - The policy of the server.
 * @param given - In the order of sending.
 * @param received - In the order in which they came.
 */
export function compare(
  policy: SendQueuePolicy,
  given: readonly Given[],
  received: readonly string[],
): string | undefined {
  const isExact = policy === "terminate" || policy === "drop-newest";
  if (isExact && given.every(({ lost }) => lost !== undefined)) {
    return comparePrefix(
      given.filter(({ lost }) => lost === false).map(({ text }) => text),
      received,
    );
  }
  if (policy !== "latest")
    return compareOrder(
      given.map(({ text }) => text),
      received,
    );
  const keys = new Map(given.map(({ text, key }) => [text, key]));
  for (const key of new Set(keys.values())) {
    const wrong = compareOrder(
      given.filter((one) => one.key === key).map(({ text }) => text),
      received.filter((text) => keys.get(text) === key),
    );
    if (wrong !== undefined) return `key ${String(key)}: ${wrong}`;
  }
  const foreign = received.find((text) => !keys.has(text));
  return foreign === undefined ? undefined : `it was never sent: ${excerpt(foreign)}`;
}

function comparePrefix(sent: readonly string[], received: readonly string[]): string | undefined {
  const at = received.findIndex((text, i) => text !== sent[i]);
  if (at < 0) return undefined;
  const expected = sent[at];
  const wanted = expected === undefined ? "nothing more" : excerpt(expected);
  return `message ${String(at)}: expected ${wanted}, received ${excerpt(received[at] ?? "")}${
    expected !== undefined && received.includes(expected) ? ", and the expected one later" : ""
  }`;
}

function compareOrder(sent: readonly string[], received: readonly string[]): string | undefined {
  let at = 0;
  for (const text of received) {
    const found = sent.indexOf(text, at);
    if (found < 0) return `out of order, twice, or never sent: ${excerpt(text)}`;
    at = found + 1;
  }
  return undefined;
}
