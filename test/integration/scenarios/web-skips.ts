import type { Skip } from "./run-scenarios.ts";

/** What no standard `WebSocket` can do, in a page or in Node. */
export const WEB_SKIPS: readonly Skip[] = [
  {
    reason: "the web's WebSocket cannot send pings, pongs and fragments",
    tests: [
      "a message that the client sends in fragments arrives as one",
      "pings between the fragments of a message are answered at once",
      "a client's pings are answered with their payload",
      "unsolicited pongs are ignored",
    ],
  },
  { reason: "the web's WebSocket closes with 1000 and 3000 to 4999 only", tests: ["the client closes with 1001"] },
  { reason: "the web's WebSocket does not tell the status", tests: ["a client sees the status of its refusal"] },
];

/** The same for that of undici, which Node's own is. */
export const UNDICI_SKIPS: readonly Skip[] = [
  ...WEB_SKIPS,
  { reason: "undici takes a byte order mark off", tests: ["a byte order mark in front of a text is part of it"] },
];
