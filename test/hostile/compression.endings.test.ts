import { randomBytes } from "node:crypto";
import { constants, deflateRawSync, inflateRawSync } from "node:zlib";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { setZlibWay } from "../../src/compression/zlib.ts";
import { startServer } from "../support/live-server.ts";
import { until } from "../support/peer.ts";
import { RawClient, closeBody, masked } from "../support/raw-client.ts";
import { adds } from "../support/slow-peer.ts";

const OFFER = { "Sec-WebSocket-Extensions": "permessage-deflate" };
const KIB = 1024;

/** A message that another thread compresses and decompresses. */
const LARGE = randomBytes(400 * KIB).toString("hex");
const COMPRESSED = deflateRawSync(LARGE, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);

describe.each(["kept", "one-shot"] as const)("while another thread works, with zlib's handles %s", (way) => {
  beforeEach(() => {
    setZlibWay(way);
    onTestFinished(() => setZlibWay(undefined));
  });

  test.each(["FIN", "RST", "a close frame", "terminate(0)", "terminate(1)", "ws.destroy()"] as const)(
    "%s ends each connection once, and the counters add up",
    async (how) => {
      const { port, wss, recorders } = await startServer({}, { compression: true });
      const clients = await Promise.all(Array.from({ length: 10 }, () => RawClient.open(port, "/", OFFER)));
      const connections = [...wss.connections];
      for (const client of clients) client.write(masked(0xc1, COMPRESSED), masked(0x81, "after it"));
      // Reading has begun, and nothing is delivered yet.
      await until(() => wss.connections.length === 10);
      for (const ws of connections) {
        ws.send(LARGE);
        ws.send("short");
        ws.send(Buffer.from(LARGE));
        adds(ws.counters);
      }
      wss.broadcast(LARGE);
      if (how === "FIN") for (const client of clients) client.end();
      else if (how === "RST") for (const client of clients) client.socket.resetAndDestroy();
      else if (how === "a close frame") for (const client of clients) client.write(masked(0x88, closeBody(1000)));
      else if (how === "ws.destroy()") for (const ws of connections) ws.destroy();
      else void wss.terminate(how === "terminate(0)" ? 0 : 1);
      for (const client of clients) void client.rest().then(() => client.end());
      await Promise.all(recorders.map(({ over }) => over));
      await until(() => wss.counters.connections.leaving === 0);
      for (const [i, { calls }] of recorders.entries()) {
        expect(calls.filter(([name]) => name === "terminate")).toHaveLength(1);
        expect(calls.at(-1)?.[0]).toBe("terminate");
        expect(adds(connections[i]!.counters)).toMatchObject({ accepted: 4, pending: 0 });
      }
    },
  );

  test("a bad message of a server that has terminated meanwhile is no error of anybody", async () => {
    const warnings: unknown[] = [];
    const listener = (warning: unknown): void => void warnings.push(warning);
    process.on("warning", listener);
    onTestFinished(() => void process.off("warning", listener));
    const { port, wss, recorders } = await startServer({}, { compression: true });
    const client = await RawClient.open(port, "/", OFFER);
    const received = new Promise((resolve) =>
      client.socket.write(masked(0xc1, COMPRESSED.subarray(0, 200 * KIB)), resolve),
    );
    await received;
    client.write(masked(0x89, "read?"));
    await client.frame();
    await wss.terminate(0);
    await recorders[0]!.over;
    // The job ends before one that comes after it.
    const other = await startServer({}, { compression: true });
    const next = await RawClient.open(other.port, "/", OFFER);
    next.write(masked(0xc1, COMPRESSED), masked(0xc1, COMPRESSED));
    await until(() => other.recorders[0]!.messages.length === 2);
    expect(warnings).toEqual([]);
    expect(recorders[0]!.calls.at(-1)?.[0]).toBe("terminate");
  });
});

describe("the application's memory while another thread compresses", () => {
  test.each([
    ["changed", (bytes: Uint8Array) => bytes.fill(0)],
    ["transferred", (bytes: Uint8Array) => structuredClone(bytes.buffer, { transfer: [bytes.buffer as ArrayBuffer] })],
  ])("of the first message may be %s: it was copied", async (_how, change) => {
    const { port, wss } = await startServer({}, { compression: true });
    const client = await RawClient.open(port, "/", OFFER);
    const bytes = new Uint8Array(200 * KIB).fill(7);
    wss.connections[0]!.send(bytes);
    change(bytes);
    const frame = await client.frame();
    const tail = Buffer.from([0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff]);
    expect(inflateRawSync(Buffer.concat([frame!.payload, tail])).equals(Buffer.alloc(200 * KIB, 7))).toBe(true);
  });

  test("of a message that does not get smaller: if it is transferred, the connection ends, and no empty message is sent", async () => {
    const { port, wss, recorders } = await startServer({}, { compression: true });
    const client = await RawClient.open(port, "/", OFFER);
    const [ws] = wss.connections;
    const bytes = new Uint8Array(randomBytes(200 * KIB));
    ws!.send(bytes);
    structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
    const frame = await client.frame();
    expect(frame?.opcode).toBe(8);
    void client.rest().then(() => client.end());
    await recorders[0]!.over;
    expect(adds(ws!.counters)).toMatchObject({ accepted: 1, written: 0, dropped: 1 });
  });

  test("of a message that waits for it: if it is transferred, only this connection ends, and the counters add up", async () => {
    const { port, wss, recorders } = await startServer({}, { compression: true });
    const [client, other] = [await RawClient.open(port, "/", OFFER), await RawClient.open(port, "/", OFFER)];
    const [ws] = wss.connections;
    const bytes = new Uint8Array(200 * KIB);
    ws!.send(LARGE);
    ws!.send(bytes);
    ws!.send("after it");
    structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
    void client.rest().then(() => client.end());
    await recorders[0]!.over;
    expect(adds(ws!.counters)).toMatchObject({ accepted: 3, pending: 0 });
    other.write(masked(0x89, "there?"));
    expect((await other.frame())?.payload.toString()).toBe("there?");
  });

  test("may be shared with other threads", async () => {
    const { port, wss } = await startServer({}, { compression: { threshold: 0 } });
    const client = await RawClient.open(port, "/", OFFER);
    for (const size of [1000, 30_000, 200 * KIB]) {
      wss.connections[0]!.send(new Uint8Array(new SharedArrayBuffer(size)));
      expect((await client.frame())?.rsv).toBe(4);
    }
  });

  test("of up to 16 KiB was copied when it waits", async () => {
    const { port, wss } = await startServer({}, { compression: { threshold: 1e6 } });
    const client = await RawClient.open(port, "/", OFFER);
    const bytes = new Uint8Array(16 * KIB).fill(7);
    wss.connections[0]!.send(new Blob([LARGE]));
    wss.connections[0]!.send(bytes);
    bytes.fill(0);
    await client.frame();
    expect((await client.frame())!.payload.equals(Buffer.alloc(16 * KIB, 7))).toBe(true);
  });
});
