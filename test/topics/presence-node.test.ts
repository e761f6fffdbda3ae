import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { HawserError } from "../../src/errors/errors.ts";
import type { BackplaneNode } from "../../src/topics/backplane-node.ts";
import { type ListedMember, PresenceNode } from "../../src/topics/presence-node.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
afterEach(() => void vi.useRealTimers());

/** The calls to a broker that the test may take away. */
function rig() {
  const calls: string[] = [];
  const broker = { isAway: false, isLost: false, refuses: (_connection: number): boolean => false };
  const call = (connection: number, text: string): Promise<void> => {
    calls.push(text);
    if (broker.isAway || broker.isLost) return Promise.reject(new HawserError("HWS_BACKPLANE_AWAY"));
    return broker.refuses(connection) ? Promise.reject(new HawserError("HWS_BACKPLANE_FAILED")) : Promise.resolve();
  };
  const driver = {
    join: (topic: string, connection: number, { id, data }: ListedMember, isQuiet: boolean) =>
      call(
        connection,
        `join ${topic} ${String(connection)} ${id}${data === undefined ? "" : ` ${data}`}${isQuiet ? " quiet" : ""}`,
      ),
    leave: (topic: string, connection: number, id: string) =>
      call(connection, `leave ${topic} ${String(connection)} ${id}`),
  };
  const onFailed = vi.fn();
  const node = {
    driver,
    onFailed,
    get status() {
      return broker.isAway ? "away" : "ready";
    },
  };
  const presence = new PresenceNode(node as unknown as BackplaneNode);
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
  // The status says that it is away.
  expect([calls, onFailed.mock.calls.length]).toEqual([["join a 1 ann"], 0]);
  broker.isAway = false;
  calls.length = 0;
  presence.onReady(false);
  await vi.advanceTimersByTimeAsync(0);
  expect(calls).toEqual(["leave a 1 ann", "join a 2 ann"]);
  calls.length = 0;
  // The broker may have lost its data. Nobody has come.
  presence.onReady(false);
  await vi.advanceTimersByTimeAsync(0);
  expect(calls).toEqual(["join a 2 ann quiet"]);
  // It had told that all have gone.
  presence.onReady(true);
  await vi.advanceTimersByTimeAsync(0);
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
  await vi.advanceTimersByTimeAsync(0);
  expect(calls).toEqual(["join a 1 ann quiet"]);
});

test("a connection that is back as somebody else leaves as the first one, then it is listed as the second one", async () => {
  const { presence, calls, broker } = rig();
  await presence.join("a", 1, ANN);
  broker.isAway = true;
  presence.leave("a", 1, "left");
  await presence.join("a", 1, { id: "bob", data: undefined });
  broker.isAway = false;
  calls.length = 0;
  presence.onReady(false);
  await vi.advanceTimersByTimeAsync(0);
  expect(calls).toEqual(["leave a 1 ann", "join a 1 bob"]);
});

test("a connection that is back with other data leaves, then it is listed with these", async () => {
  const { presence, calls, broker } = rig();
  await presence.join("a", 1, { id: "ann", data: "1" });
  broker.isAway = true;
  presence.leave("a", 1, "left");
  await presence.join("a", 1, { id: "ann", data: "2" });
  broker.isAway = false;
  presence.onReady(false);
  await vi.waitFor(() => expect(calls).toEqual(["join a 1 ann 1", "leave a 1 ann", "join a 1 ann 2"]));
});

test("a connection that is back as somebody else, and leaves while the first one does, is not listed again", async () => {
  const { presence, calls, broker } = rig();
  await presence.join("a", 1, ANN);
  broker.isAway = true;
  presence.leave("a", 1, "left");
  await presence.join("a", 1, { id: "bob", data: undefined });
  broker.isAway = false;
  calls.length = 0;
  presence.onReady(false);
  presence.leave("a", 1, "left");
  await vi.advanceTimersByTimeAsync(0);
  presence.onBeat();
  await vi.advanceTimersByTimeAsync(0);
  expect(calls).toEqual(["leave a 1 ann"]);
});

test("whoever comes and goes while the broker is away is not told", async () => {
  const { presence, calls, broker } = rig();
  await presence.join("a", 0, ANN);
  broker.isAway = true;
  for (let connection = 1; connection <= 1_000; connection++) {
    await presence.join("a", connection, ANN);
    presence.leave("a", connection, "left");
  }
  broker.isAway = false;
  calls.length = 0;
  presence.onReady(false);
  await vi.advanceTimersByTimeAsync(0);
  expect(calls).toEqual(["join a 0 ann quiet"]);
});

test("whoever comes and goes while the broker is full is not told", async () => {
  const { presence, calls, broker } = rig();
  broker.refuses = () => true;
  for (let connection = 0; connection < 1_000; connection++) {
    const joining = presence.join("a", connection, ANN);
    // Some go before the broker has answered.
    if (connection % 2 === 0) await joining;
    presence.leave("a", connection, "left");
  }
  await vi.advanceTimersByTimeAsync(0);
  expect(calls.filter((call) => call.startsWith("leave")).length).toBe(500);
  calls.length = 0;
  presence.onReady(false);
  await vi.advanceTimersByTimeAsync(0);
  expect(calls).toEqual([]);
});

test("whoever may have been listed leaves, although the broker has refused a later call", async () => {
  const { presence, calls, broker } = rig();
  // The answer is lost.
  broker.isLost = true;
  await presence.join("a", 1, ANN);
  broker.isLost = false;
  broker.refuses = () => true;
  presence.onBeat();
  await vi.advanceTimersByTimeAsync(0);
  // It comes back, and the broker refuses both.
  presence.leave("a", 1, "left");
  await presence.join("a", 1, ANN);
  presence.onBeat();
  await vi.advanceTimersByTimeAsync(0);
  broker.refuses = () => false;
  calls.length = 0;
  presence.leave("a", 1, "left");
  expect(calls).toEqual(["leave a 1 ann"]);
});

test("after an absence the broker is told in batches", async () => {
  const { presence, calls, broker } = rig();
  for (let connection = 0; connection < 1_000; connection++) await presence.join("a", connection, ANN);
  broker.isAway = true;
  for (let connection = 0; connection < 400; connection++) presence.leave("a", connection, "left");
  broker.isAway = false;
  calls.length = 0;
  presence.onReady(false);
  expect(calls.length).toBe(256);
  await vi.advanceTimersByTimeAsync(0);
  expect([calls.length, new Set(calls).size]).toEqual([1_000, 1_000]);
});

test("what the broker has refused is told again with each heartbeat until it takes it", async () => {
  const { presence, calls, broker, onFailed } = rig();
  await presence.join("a", 1, ANN);
  broker.refuses = () => true;
  presence.leave("a", 1, "left");
  await presence.join("a", 2, ANN);
  expect(onFailed).toHaveBeenCalledTimes(2);
  const told = ["leave a 1 ann", "join a 2 ann"];
  calls.length = 0;
  presence.onBeat();
  await vi.advanceTimersByTimeAsync(0);
  expect(calls).toEqual(told);
  broker.refuses = () => false;
  presence.onBeat();
  await vi.advanceTimersByTimeAsync(0);
  expect(calls).toEqual([...told, ...told]);
  presence.onBeat();
  expect(calls.length).toBe(4);
});

test("one full server of a cluster keeps nobody waiting who is listed on the others", async () => {
  const { presence, calls, broker } = rig();
  for (let connection = 0; connection < 6_000; connection++) await presence.join("a", connection, ANN);
  const isFull = (connection: number): boolean => connection % 3 === 0;
  broker.refuses = isFull;
  for (let connection = 0; connection < 600; connection++) presence.leave("a", connection, "left");
  // Those that are refused now are not the first afterwards.
  presence.onReady(false);
  await vi.advanceTimersByTimeAsync(0);
  calls.length = 0;
  presence.onReady(true);
  await vi.advanceTimersByTimeAsync(0);
  // All were told once, also those that were refused.
  expect([calls.length, new Set(calls).size]).toEqual([200 + 5_400, 200 + 5_400]);
  broker.refuses = () => false;
  calls.length = 0;
  presence.onBeat();
  await vi.advanceTimersByTimeAsync(0);
  expect(calls.filter((call) => call.startsWith("leave")).length).toBe(200);
  expect(calls.filter((call) => call.startsWith("join")).length).toBe(1_800);
});

test("a heartbeat does not send all that a full broker would refuse, and each one sends others", async () => {
  const { presence, calls, broker } = rig();
  broker.refuses = () => true;
  for (let connection = 0; connection < 3_000; connection++) await presence.join("a", connection, ANN);
  calls.length = 0;
  for (const sent of [1_024, 2_048, 3_072]) {
    presence.onBeat();
    await vi.advanceTimersByTimeAsync(0);
    expect(calls.length).toBe(sent);
  }
  expect(new Set(calls).size).toBe(3_000);
});

test("a server that is given up while it lists its members lists them once more", async () => {
  const { presence, calls } = rig();
  const joining = presence.join("a", 1, ANN);
  presence.onReady(true);
  await joining;
  await vi.advanceTimersByTimeAsync(0);
  presence.onBeat();
  await vi.advanceTimersByTimeAsync(0);
  expect(calls).toEqual(["join a 1 ann", "join a 1 ann"]);
});
