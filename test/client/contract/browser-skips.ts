import type { Skip } from "./client-contract.ts";

/** What a page cannot do, in whichever browser. */
export const BROWSER_SKIPS: readonly Skip[] = [
  { reason: "a page sets no headers", tests: ["the headers of the option go out"] },
  { reason: "a page does not see the status", tests: ["the status of a refusal is told"] },
  {
    reason: "a browser gives a message only as a whole",
    tests: ["what waits for a busy handler with onMessageStart has the limit maxReceiveQueue too"],
  },
];
