import { describe } from "vitest";
import { nodeClient } from "./clients/node.ts";
import { runScenarios } from "./scenarios/run-scenarios.ts";
import { UNDICI_SKIPS } from "./scenarios/web-skips.ts";

describe("Node's own WebSocket", () => {
  runScenarios({ create: async () => nodeClient(), skip: UNDICI_SKIPS });
});
