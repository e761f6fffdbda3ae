import type { SendQueuePolicy } from "hawser";
import { describe, expect, test } from "vitest";
import { newLimitCounters } from "../../src/server/limit-counters.ts";
import { Peer, portOf, until } from "../support/peer.ts";
import { adds, BIG, fill, type Pair, pausedPeer } from "../support/slow-peer.ts";

describe("beyond maxSendQueue", () => {
  /** Fills the queue and sends a hundred more messages. */
  async function overfull(sendQueuePolicy: SendQueuePolicy): Promise<Pair & { answers: boolean[] }> {
    const all = await pausedPeer({ sendQueuePolicy, maxSendQueue: 512 * 1024, highWaterMark: 64 * 1024 });
    await fill(all.ws);
    const answers: boolean[] = [];
    for (let i = 0; i < 100; i++) {
      answers.push(all.ws.send(`${String(i)} ${BIG}`, { key: `key ${String(i % 3)}` }));
      adds(all.ws.counters);
    }
    return { ...all, answers };
  }

  /** Those of the hundred that have arrived at the end. */
  async function rest({ ws, peer }: Pick<Pair, "ws" | "peer">): Promise<number[]> {
    peer.socket.resume();
    await until(() => ws.counters.pending === 0);
    const { accepted, written, dropped } = adds(ws.counters);
    await peer.received(written);
    ws.send("the end");
    expect((await peer.received(written + 1)).at(-1)).toBe("the end");
    expect(peer.messages.length).toBe(accepted - dropped + 1);
    return peer.messages.map((message) => Number.parseInt(message.toString())).filter((number) => number >= 0);
  }

  test('"terminate" closes the connection with 1013, and counts the dropped messages', async () => {
    const { ws, wss, handler, answers, peer } = await overfull("terminate");
    expect(ws.status).not.toBe("Connected");
    expect(answers).not.toContain(true);
    peer.socket.resume();
    expect((await peer.closed)[0]).toBe(1013);
    await until(() => ws.status === "Closed");
    expect(handler.errors).toEqual([202]);
    expect(adds(ws.counters)).toMatchObject({ written: peer.messages.length, pending: 0 });
    expect(wss.counters.limits).toEqual({ ...newLimitCounters(), maxSendQueue: 1 });
  });

  test('"drop-newest" drops new messages, and the peer gets all earlier ones', async () => {
    const { ws, wss, answers, peer } = await overfull("drop-newest");
    const { dropped } = ws.counters;
    expect(dropped).toBeGreaterThan(50);
    expect(answers).not.toContain(true);
    expect(wss.counters.limits).toEqual({ ...newLimitCounters(), maxSendQueue: dropped });
    expect(await rest({ ws, peer })).toEqual(Array.from({ length: 100 - dropped }, (_, i) => i));
  });

  test('"drop-oldest" drops the messages that have waited the longest, and the peer gets the newest', async () => {
    const { ws, answers, peer } = await overfull("drop-oldest");
    expect(ws.counters.dropped).toBeGreaterThan(50);
    expect(ws.bufferedAmount).toBeLessThan(2 * 1024 * 1024);
    expect(answers).not.toContain(true);
    const received = await rest({ ws, peer });
    // Messages that the system took before come first.
    expect(received.length).toBeLessThan(50);
    expect(received).toEqual([...received].sort((a, b) => a - b));
    expect(received.slice(-5)).toEqual([95, 96, 97, 98, 99]);
  });

  test('"latest" keeps the newest of each key', async () => {
    const { ws, peer } = await overfull("latest");
    expect(ws.status).toBe("Connected");
    expect(ws.counters.dropped).toBeGreaterThan(50);
    const received = await rest({ ws, peer });
    // Messages that the system took before come first. Three of the waiting ones are left.
    expect(received.slice(-3).sort()).toEqual([97, 98, 99]);
    expect(received.length).toBeLessThan(50);
  });

  test("broadcast counts the connections that accepted it", async () => {
    const { ws, wss, peer } = await overfull("drop-newest");
    const other = await Peer.open(await portOf(wss));
    expect(wss.broadcast("news")).toBe(1);
    expect(await other.received(1)).toEqual(["news"]);
    await rest({ ws, peer });
    expect(wss.broadcast("more news")).toBe(2);
    expect(await other.received(2)).toEqual(["news", "more news"]);
    expect((await peer.received(ws.counters.written)).at(-1)).toBe("more news");
    expect(peer.messages).not.toContain("news");
  });
});
