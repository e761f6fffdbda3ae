import { expect, test, vi } from "vitest";
import type { Driver, DriverHost } from "../../src/backplane/contract.ts";
import { historyPacket, plainPacket } from "../../src/backplane/packet.ts";
import { RecordKind, decodeRecord } from "../../src/backplane/record.ts";
import { asBytes } from "../../src/protocol/bytes.ts";
import { BackplaneNode, type NodeListener } from "../../src/topics/backplane-node.ts";
import { message } from "../support/backplane/records.ts";
import { within } from "../support/within.ts";

function rig() {
  let host: DriverHost | undefined;
  const sent: [string | undefined, Uint8Array][] = [];
  const driver = {
    name: "fake",
    keepsPackets: true,
    hasPeers: true,
    open: (opened: DriverHost) => ((host = opened), Promise.resolve()),
    send: (topic: string | undefined, packet: Uint8Array) => (sent.push([topic, packet]), true),
    listen: () => Promise.resolve(),
    beat: () => Promise.resolve({ alive: [], expired: [], wasExpired: true }),
    close: vi.fn(() => Promise.resolve()),
  };
  const listener = {
    onHistory: vi.fn(),
    onRecord: vi.fn<NodeListener["onRecord"]>(() => true),
    onLost: vi.fn(),
    onBeat: vi.fn(),
    onStatus: vi.fn(),
    onFailed: vi.fn(),
  };
  const node = new BackplaneNode(driver as unknown as Driver, listener);
  node.open(false);
  return { driver, listener, node, sent, host: host! };
}

const MESSAGE = { payload: "hi", isBinary: false, mayCompress: true, key: "k" };

test("a message for the other servers keeps its key, and comes back as an echo", async () => {
  const { node, sent, host, listener } = rig();
  node.relay("a", MESSAGE);
  await Promise.resolve();
  const [[topic, packet]] = sent as [[string, Uint8Array]];
  host.onPacket(topic, asBytes(packet));
  expect(topic).toBe("a");
  expect(node.counters).toMatchObject({ sent: 1, received: 1, echoes: 1, delivered: 0 });
  expect(listener.onRecord).not.toHaveBeenCalled();
});

test("a broadcast for one topic goes to those who listen to it, another one to all", async () => {
  const { node, sent } = rig();
  node.relayBroadcast(MESSAGE, { topics: ["a"], exceptTopics: [] });
  node.relayBroadcast(MESSAGE, { topics: ["a", "b"], exceptTopics: [] });
  node.relayBroadcast(MESSAGE, { topics: [], exceptTopics: ["c"] });
  await Promise.resolve();
  expect(sent.map(([topic]) => topic)).toEqual(["a", undefined]);
});

test("without other servers nothing is sent", async () => {
  const { driver, node, sent } = rig();
  driver.hasPeers = false;
  node.relay("a", MESSAGE);
  node.relayBroadcast(MESSAGE, { topics: [], exceptTopics: [] });
  await Promise.resolve();
  expect([sent, node.counters.sent]).toEqual([[], 0]);
});

test("records of others are handed over, and counted by what became of them", () => {
  const { node, host, listener } = rig();
  const record = message("hi", "other---00000001");
  host.onPacket("a", plainPacket([record]));
  listener.onRecord.mockReturnValueOnce(false);
  host.onPacket("a", plainPacket([record]));
  expect(listener.onRecord).toHaveBeenCalledWith("a", decodeRecord(record));
  expect(node.counters).toMatchObject({ received: 2, delivered: 1, unheard: 1 });
});

test("what is none of ours is counted, and nothing else happens", () => {
  const { node, host, listener } = rig();
  const text = message("hi", "other---00000001");
  const history = historyPacket({ epoch: "epoch--1", first: 1, before: "A".repeat(16) }, [text]);
  const broken = text.slice(0, 3);
  for (const [topic, packet] of [
    ["a", Buffer.from("garbage")],
    ["a", Buffer.alloc(0)],
    ["a", plainPacket([asBytes(broken)])],
    [undefined, plainPacket([text])],
    [undefined, history],
  ] as const)
    host.onPacket(topic, asBytes(packet));
  expect(node.counters).toMatchObject({ received: 5, foreign: 5 });
  expect([listener.onRecord.mock.calls, listener.onHistory.mock.calls]).toEqual([[], []]);
  expect(decodeRecord(text)?.kind).toBe(RecordKind.message);
});

test("history, losses and failures are passed on", () => {
  const { host, listener } = rig();
  const head = { epoch: "epoch--1", first: 1, before: "A".repeat(16) };
  host.onPacket("a", historyPacket(head, [message("hi", "other---00000001")]));
  host.onLost("all");
  host.onFailed("read", "why");
  expect(listener.onHistory).toHaveBeenCalledWith("a", head, [expect.anything()]);
  expect(listener.onLost).toHaveBeenCalledWith("all");
  expect(listener.onFailed).toHaveBeenCalledWith("read", "why");
});

test("each change of the status is told once; ready resolves with the first one", async () => {
  const { node, host, listener } = rig();
  expect(node.status).toBe("connecting");
  host.onStatus("ready");
  await node.ready;
  host.onStatus("ready");
  host.onStatus("away", "lost");
  host.onStatus("ready");
  expect(listener.onStatus.mock.calls).toEqual([
    ["ready", undefined],
    ["away", "lost"],
    ["ready", undefined],
  ]);
  expect([node.status, node.counters.reconnects]).toEqual(["ready", 1]);
});

test("close ends the driver; a failure of it is told, and ready is settled", async () => {
  const { driver, node, listener } = rig();
  driver.close.mockRejectedValueOnce(new Error("no"));
  await node.close(within(10));
  await node.ready;
  expect(driver.close).toHaveBeenCalledWith(expect.any(Promise));
  expect(listener.onFailed).toHaveBeenCalledWith("close", new Error("no"));
});

test("whenReady waits for the broker, for a time, and no longer than the server lives", async () => {
  const { node, host } = rig();
  expect(await node.whenReady(1)).toBe(false);
  const waits = node.whenReady(60_000);
  host.onStatus("ready");
  expect([await waits, await node.whenReady(1)]).toEqual([true, true]);
  host.onStatus("away");
  const again = node.whenReady(60_000);
  await node.close(within(0));
  expect(await again).toBe(false);
  host.onStatus("closed");
  expect(await node.whenReady(60_000)).toBe(false);
});

test("when the broker is there again there is a heartbeat at once, which tells whether the server was given up", async () => {
  const { host, listener } = rig();
  host.onStatus("ready");
  await vi.waitFor(() => expect(listener.onBeat.mock.calls).toEqual([[true, true]]));
});
