import { describe } from "vitest";
import { nodeClient } from "./clients/node.ts";
import { runScenarios } from "./scenarios/run-scenarios.ts";

describe("Node's own WebSocket", () => {
  runScenarios({
    create: async () => nodeClient(),
    skip: [
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
      {
        reason: "the web's WebSocket does not tell the status",
        tests: ["a client sees the status of its refusal"],
      },
      {
        reason: "Node's WebSocket takes a byte order mark off",
        tests: ["a byte order mark in front of a text is part of it"],
      },
    ],
  });
});
