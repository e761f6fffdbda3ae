import { describe, expect, test } from "vitest";
import { startServer } from "../support/live-server.ts";
import { until } from "../support/peer.ts";
import { closeBody, masked, RawClient } from "../support/raw-client.ts";

const MESSAGE = masked(0x81, "");

/** This many messages in one write. */
function burst(count: number): Buffer {
  return Buffer.concat(Array.from({ length: count }, () => MESSAGE));
}

describe("a burst of messages in one write", () => {
  test.each([
    ["one", 1],
    ["ten", 10],
  ])("maxMessagesPerSecond delivers %s where it allows that many, and closes the peer", async (_what, limit) => {
    const { port, wss, recorders } = await startServer({}, { maxMessagesPerSecond: limit, ratePolicy: "close" });
    const client = await RawClient.open(port);
    client.write(burst(30_000));
    expect(await client.frame()).toMatchObject({ opcode: 8, payload: closeBody(1008, "rate exceeded") });
    client.end();
    await recorders[0]!.over;
    expect(recorders[0]!.messages.length).toBe(limit);
    expect(wss.counters.limits.maxMessagesPerSecond).toBe(1);
  });

  test("is delivered at the rate of maxMessagesPerSecond, and in the end completely", async () => {
    const LIMIT = 50;
    const COUNT = 80;
    const times: number[] = [];
    const { port, recorders } = await startServer(
      { message: () => void times.push(performance.now()) },
      { maxMessagesPerSecond: LIMIT, ratePolicy: "pause" },
    );
    const client = await RawClient.open(port);
    const begun = performance.now();
    client.write(burst(COUNT));
    await until(() => times.length === COUNT);
    // A slow machine only delays it.
    const early = times.filter((time, i) => i + 1 > LIMIT + ((time - begun) / 1000) * LIMIT + 0.001);
    expect(early).toEqual([]);
    client.socket.destroy();
    await recorders[0]!.over;
    expect(recorders[0]!.messages.length).toBe(COUNT);
  });
});
