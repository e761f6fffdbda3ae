import { expect, test } from "vitest";
import { memory } from "../../src/backplane/memory.ts";
import { newBackplaneFailures } from "../../src/server/backplane-errors.ts";
import { NO_BACKPLANE, backplaneState } from "../../src/server/backplane-state.ts";
import { BackplaneNode } from "../../src/topics/backplane-node.ts";

test("it is a snapshot", async () => {
  const node = new BackplaneNode(memory().createDriver(), {
    onHistory: () => undefined,
    onRecord: () => false,
    onLost: () => undefined,
    onBeat: () => undefined,
    onStatus: () => undefined,
    onFailed: () => undefined,
  });
  const before = backplaneState(node, newBackplaneFailures());
  node.open(false);
  await before.ready;
  node.counters.sent++;
  expect(before).toMatchObject({ driver: "memory", node: node.ids.node, status: "connecting", counters: { sent: 0 } });
  expect(backplaneState(node, newBackplaneFailures())).toMatchObject({ status: "ready", counters: { sent: 1 } });
});

test("a server alone is ready", async () => {
  await NO_BACKPLANE.ready;
  expect(NO_BACKPLANE).toMatchObject({ driver: "memory", node: "", status: "ready", counters: { sent: 0 } });
});
