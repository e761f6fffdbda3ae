import { describe, expect, test } from "vitest";
import { newLimitCounters } from "../../src/server/limit-counters.ts";
import { startServer } from "../support/live-server.ts";
import { deferred, Peer, until } from "../support/peer.ts";
import { closeBody, masked, RawClient } from "../support/raw-client.ts";

/** This many messages, from 0 on. */
function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `message ${String(i)}`);
}

describe('ratePolicy "close"', () => {
  test("one message more than the rate allows is not delivered: onError is called and 1008 sent", async () => {
    const { wss, port, recorders } = await startServer({}, { maxMessagesPerSecond: 3, ratePolicy: "close" });
    const client = await RawClient.open(port);
    client.write(...numbered(9).map((message) => masked(0x81, message)));
    expect(await client.frame()).toMatchObject({ opcode: 8, payload: closeBody(1008, "rate exceeded") });
    client.socket.end();
    await recorders[0]!.over;
    expect(recorders[0]!.messages).toEqual(numbered(3));
    expect(recorders[0]!.calls.slice(-2)).toEqual([
      ["error", 209],
      ["terminate", 1006, undefined],
    ]);
    expect(wss.counters.limits).toEqual({ ...newLimitCounters(), maxMessagesPerSecond: 1 });
  });

  test("the same holds for bytes, and headers count", async () => {
    const { wss, port, recorders } = await startServer({}, { maxBytesPerSecond: 1_000, ratePolicy: "close" });
    const client = await RawClient.open(port);
    // 8 bytes are the frame's header.
    client.write(masked(0x82, Buffer.alloc(993)));
    expect(await client.frame()).toMatchObject({ opcode: 8, payload: closeBody(1008, "rate exceeded") });
    client.socket.end();
    await recorders[0]!.over;
    expect(recorders[0]!.messages).toEqual([Buffer.alloc(993)]);
    expect(wss.counters.limits).toEqual({ ...newLimitCounters(), maxBytesPerSecond: 1 });
  });

  test("the messages of one second may come at once", async () => {
    const { wss, port, recorders } = await startServer(
      { message: (ws, data) => void ws.send(data) },
      { maxMessagesPerSecond: 3, maxBytesPerSecond: 1_000, ratePolicy: "close" },
    );
    const peer = await Peer.open(port);
    for (const message of numbered(3)) peer.socket.send(message);
    expect(await peer.received(3)).toEqual(numbered(3));
    expect(recorders[0]!.messages).toEqual(numbered(3));
    expect(wss.counters.limits).toEqual(newLimitCounters());
  });

  test("bytes that are not messages count too: a ping, and an incomplete frame", async () => {
    const { wss, port, recorders } = await startServer({}, { maxBytesPerSecond: 1_000, ratePolicy: "close" });
    const client = await RawClient.open(port);
    client.write(...Array.from({ length: 10 }, () => masked(0x8a, Buffer.alloc(100))));
    expect(await client.frame()).toMatchObject({ opcode: 8 });
    client.socket.end();
    const other = await RawClient.open(port);
    other.write(masked(0x82, Buffer.alloc(2_000)).subarray(0, 1_001));
    expect(await other.frame()).toMatchObject({ opcode: 8 });
    other.socket.end();
    await Promise.all(recorders.map(({ over }) => over));
    expect(recorders.flatMap(({ messages }) => messages)).toEqual([]);
    expect(wss.counters.limits.maxBytesPerSecond).toBe(2);
  });
});

describe('ratePolicy "pause"', () => {
  test.each([
    ["maxMessagesPerSecond", { maxMessagesPerSecond: 100 }],
    ["maxBytesPerSecond", { maxBytesPerSecond: 1_200 }],
  ] as const)("beyond %s nothing is lost, messages come later", async (limit, options) => {
    const { wss, port, recorders } = await startServer({ message: (ws, data) => void ws.send(data) }, options);
    const peer = await Peer.open(port);
    for (const message of numbered(120)) peer.socket.send(message);
    await peer.received(120);
    for (const message of numbered(10)) peer.socket.send(message);
    expect(await peer.received(130)).toEqual([...numbered(120), ...numbered(10)]);
    expect(recorders[0]!.messages.length).toBe(130);
    const { [limit]: reached, ...others } = wss.counters.limits;
    expect(reached).toBeGreaterThanOrEqual(1);
    expect(Object.values(others).every((count) => count === 0)).toBe(true);
    expect(recorders[0]!.calls.some(([call]) => call === "error")).toBe(false);
  });

  test("meanwhile only this peer is not read", async () => {
    const { wss, port, recorders } = await startServer(
      { message: (ws, data) => void ws.send(data) },
      { maxMessagesPerSecond: 1 },
    );
    const hasty = await RawClient.open(port);
    // The delay is more than a minute, and this test does not wait for it.
    hasty.write(...numbered(100).map((message) => masked(0x81, message)));
    await until(() => wss.counters.limits.maxMessagesPerSecond === 1);
    const written = deferred();
    hasty.socket.write(masked(0x81, "too early"), () => {
      written.resolve();
    });
    await written.promise;
    const waiting = await Peer.open(port);
    waiting.socket.send("one");
    await waiting.received(1);
    expect(recorders[0]!.messages).toEqual(numbered(1));
    expect(recorders[1]!.messages).toEqual(["one"]);
    // Sending to it and closing it still work.
    wss.connections[0]!.send("still here");
    await hasty.frame();
    expect((await hasty.frame())?.payload.toString()).toBe("still here");
    wss.connections[0]!.terminate(1000);
    expect(await hasty.frame()).toMatchObject({ opcode: 8 });
    hasty.write(masked(0x88, [3, 232]));
    hasty.socket.end();
    await recorders[0]!.over;
    expect(recorders[0]!.end).toEqual([1000, undefined]);
    expect(recorders[0]!.messages.length).toBe(1);
  });

  test("a delayed peer is not dropped as dead", async () => {
    const { wss, port } = await startServer(
      { message: (ws, data) => void ws.send(data) },
      { maxMessagesPerSecond: 200, pingInterval: 20, pingTimeout: 20 },
    );
    const peer = await Peer.open(port);
    for (const message of numbered(300)) peer.socket.send(message);
    peer.socket.send("after the wait");
    expect((await peer.received(301))[300]).toBe("after the wait");
    peer.socket.send("after the wait");
    await peer.received(302);
    expect(wss.counters.limits.maxMessagesPerSecond).toBeGreaterThanOrEqual(1);
    expect(wss.counters.limits.pingTimeout).toBe(0);
  });
});
