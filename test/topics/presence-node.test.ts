import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { BackplaneNode } from "../../src/topics/backplane-node.ts";
import { PresenceNode } from "../../src/topics/presence-node.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
afterEach(() => void vi.useRealTimers());

/** The calls to a broker that the test may take away. */
function rig() {
  const calls: string[] = [];
  const broker = { isAway: false };
  const call = (text: string): Promise<void> => {
    calls.push(text);
    return broker.isAway ? Promise.reject(new Error("away")) : Promise.resolve();
  };
  const driver = {
    join: (topic: string, connection: number, { id }: { id: string }, isQuiet: boolean) =>
      call(`join ${topic} ${String(connection)} ${id}${isQuiet ? " quiet" : ""}`),
    leave: (topic: string, connection: number, id: string) => call(`leave ${topic} ${String(connection)} ${id}`),
  };
  const onFailed = vi.fn();
  const presence = new PresenceNode({ driver, onFailed } as unknown as BackplaneNode);
  return { presence, calls, broker, onFailed };
}

const ANN = { id: "ann", data: undefined };

test("a connection is listed once, and leaves once", async () => {
  const { presence, calls } = rig();
  await presence.join("a", 1, ANN);
  await presence.join("a", 1, { id: "other", data: undefined });
  presence.leave("a", 1, "left");
  presence.leave("a", 1, "left");
  presence.leave("never", 1, "left");
  expect(calls).toEqual(["join a 1 ann", "leave a 1 ann"]);
});

test("a connection that was lost leaves after 5 s", async () => {
  const { presence, calls } = rig();
  await presence.join("a", 1, ANN);
  presence.leave("a", 1, "lost");
  presence.leave("a", 1, "lost");
  vi.advanceTimersByTime(4_999);
  expect(calls).toEqual(["join a 1 ann"]);
  vi.advanceTimersByTime(1);
  expect([calls, vi.getTimerCount()]).toEqual([["join a 1 ann", "leave a 1 ann"], 0]);
});

test("when the server ends nobody leaves, and no timer is left", async () => {
  const { presence, calls } = rig();
  await presence.join("a", 1, ANN);
  await presence.join("a", 2, ANN);
  presence.leave("a", 1, "shutdown");
  presence.leave("a", 2, "lost");
  presence.clear();
  presence.onReady(true);
  expect([calls, vi.getTimerCount()]).toEqual([["join a 1 ann", "join a 2 ann"], 0]);
});

test("what the broker could not be told is told when it is there again", async () => {
  const { presence, calls, broker, onFailed } = rig();
  await presence.join("a", 1, ANN);
  broker.isAway = true;
  presence.leave("a", 1, "left");
  await presence.join("a", 2, ANN);
  expect(onFailed).toHaveBeenCalledTimes(2);
  broker.isAway = false;
  calls.length = 0;
  presence.onReady(false);
  await vi.advanceTimersByTimeAsync(0);
  expect(calls).toEqual(["leave a 1 ann", "join a 2 ann"]);
  calls.length = 0;
  // The broker may have lost its data. Nobody has come.
  presence.onReady(false);
  expect(calls).toEqual(["join a 2 ann quiet"]);
  // It had told that all have gone.
  presence.onReady(true);
  expect(calls[1]).toBe("join a 2 ann");
});

test("a connection that has left while the broker was away, and is back, does not leave", async () => {
  const { presence, calls, broker } = rig();
  await presence.join("a", 1, ANN);
  broker.isAway = true;
  presence.leave("a", 1, "left");
  await vi.advanceTimersByTimeAsync(0);
  broker.isAway = false;
  await presence.join("a", 1, ANN);
  calls.length = 0;
  presence.onReady(false);
  expect(calls).toEqual(["join a 1 ann quiet"]);
});
