// Run by `node --test`: an application's own test, with the mock timers of Node.
import assert from "node:assert/strict";
import { test } from "node:test";
import { WebSocketServer } from "hawser";
import { connect } from "hawser/testing";

void test("an idle connection is closed", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  const wss = new WebSocketServer({ onConnection: () => ({ onMessage: () => undefined }) }, { idleTimeout: 60_000 });
  const client = await connect(wss);
  for (let second = 0; second < 70; second++) {
    context.mock.timers.tick(1000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { code, reason } = await client.closed;
  assert.deepEqual([code, reason], [1001, "idle timeout"]);
  await wss.terminate(0);
});
