import { constants, deflateRawSync } from "node:zlib";
import { WebSocketServer, type WebSocketServerOptions } from "hawser";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { setZlibWay } from "../../src/compression/zlib.ts";
import { type Live, type Reactions, startServer } from "../support/live-server.ts";
import { portOf, until } from "../support/peer.ts";
import { RawClient, closeBody, masked } from "../support/raw-client.ts";
import { ownPort } from "../support/transport.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const OFFER = { "Sec-WebSocket-Extensions": "permessage-deflate" };

/** First bytes of frames: FIN, RSV1 and the opcode. */
const TEXT = 0xc1;
const BINARY = 0xc2;

function deflate(data: string | Uint8Array): Buffer {
  return deflateRawSync(data, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
}

/** 10 KB that become 10 MB. */
const BOMB = deflate(Buffer.alloc(10 * MIB));

async function serve(options: WebSocketServerOptions = {}, react: Reactions = {}): Promise<Live> {
  return startServer(react, { compression: true, ...options });
}

/** The code of the close frame, the next frame that comes. */
async function closeCode(client: RawClient): Promise<number | undefined> {
  const frame = await client.frame();
  return frame?.opcode === 8 ? frame.payload.readUInt16BE() : undefined;
}

describe.each(["kept", "one-shot"] as const)("with zlib's handles %s", (way) => {
  beforeEach(() => {
    setZlibWay(way);
    onTestFinished(() => setZlibWay(undefined));
  });

  describe("a bomb ends with 1009, is counted, and its neighbour goes on", () => {
    const fragments = (size: number): Buffer[] => {
      const frames: Buffer[] = [];
      for (let at = 0; at < BOMB.length; at += size)
        frames.push(masked((at === 0 ? 0x42 : 0) | (at + size < BOMB.length ? 0 : 0x80), BOMB.subarray(at, at + size)));
      return frames;
    };
    test.each([
      ["flat", () => [masked(BINARY, BOMB)], {}],
      ["flat, with a small limit", () => [masked(TEXT, BOMB)], { maxMessageSize: BOMB.length }],
      ["flat, with a large limit", () => [masked(BINARY, BOMB)], { maxMessageSize: 10 * MIB - 1 }],
      ["in fragments of 100 bytes", () => fragments(100), {}],
      ["in fragments of one byte", () => fragments(1), {}],
      ["as JSON", () => [masked(TEXT, BOMB)], { dataType: "object" }],
      ["as blob", () => [masked(TEXT, BOMB)], { dataType: "blob" }],
      ["twice in a bomb", () => [masked(BINARY, deflate(Buffer.concat([Buffer.alloc(MIB + 1), BOMB])))], {}],
      [
        "after 200 messages of the same read",
        () => [Buffer.alloc(200 * 7, masked(0x81, "a")), masked(BINARY, BOMB)],
        {},
      ],
    ] as const)("%s", async (_which, frames, options) => {
      const { port, wss } = await serve(options, {});
      const neighbour = await RawClient.open(port, "/", OFFER);
      const client = await RawClient.open(port, "/", OFFER);
      client.write(...frames());
      expect(await closeCode(client)).toBe(1009);
      neighbour.write(masked(0x89, "there?"));
      expect((await neighbour.frame())?.payload.toString()).toBe("there?");
      expect(wss.counters.limits.maxMessageSize).toBe(1);
    });

    test("one byte at a time", async () => {
      const { port, wss } = await serve({ maxMessageSize: 2000 });
      const client = await RawClient.open(port, "/", OFFER);
      for (const byte of masked(TEXT, deflate(Buffer.alloc(100_000)))) client.write([byte]);
      expect(await closeCode(client)).toBe(1009);
      expect(wss.counters.limits.maxMessageSize).toBe(1);
    });

    test("from 100 peers at once", async () => {
      const { port, wss, recorders } = await serve();
      const neighbour = await RawClient.open(port, "/", OFFER);
      const clients = await Promise.all(Array.from({ length: 100 }, () => RawClient.open(port, "/", OFFER)));
      for (const client of clients) client.write(masked(BINARY, BOMB));
      neighbour.write(masked(0x81, "a text"));
      expect(await Promise.all(clients.map(closeCode))).toEqual(Array(100).fill(1009));
      await until(() => recorders[0]!.messages.length === 1);
      expect(wss.counters.limits.maxMessageSize).toBe(100);
    });
  });

  test("a compressed message that goes on and on ends with 1009 at maxMessageSize", async () => {
    const { port } = await serve({ maxMessageSize: 100 * KIB });
    const client = await RawClient.open(port, "/", OFFER);
    client.write(masked(0x42, Buffer.alloc(1000)));
    const more = masked(0x00, Buffer.alloc(1000));
    for (let i = 0; i < 200; i++) client.write(more);
    expect(await closeCode(client)).toBe(1009);
  });

  test("JSON has its limits after it is decompressed", async () => {
    const { port } = await serve({ dataType: "object", maxJsonDepth: 10 });
    const ends = [
      ["[".repeat(11) + "]".repeat(11), 1009],
      ["{", 1007],
      ["", 1007],
    ] as const;
    for (const [text, code] of ends) {
      const client = await RawClient.open(port, "/", OFFER);
      client.write(masked(TEXT, deflate(text)));
      expect(await closeCode(client)).toBe(code);
    }
  });

  describe("a payload that is much work for few bytes", () => {
    const stored = Buffer.from([0x00, 0x00, 0x00, 0xff, 0xff]);
    const finalStored = Buffer.from([0x01, 0x00, 0x00, 0xff, 0xff]);

    test.each([
      ["64 KiB of empty stored blocks", Buffer.concat([Buffer.alloc(13_000 * 5, stored), Buffer.from([0])])],
      ["1 MiB of empty stored blocks", Buffer.concat([Buffer.alloc(200_000 * 5, stored), Buffer.from([0])])],
      ["Five blocks with BFINAL", Buffer.alloc(5 * 5, finalStored)],
      ["nothing", Buffer.alloc(0)],
    ])("%s is an empty message", async (_what, payload) => {
      const { port, recorders } = await serve();
      const client = await RawClient.open(port, "/", OFFER);
      client.write(masked(TEXT, payload), masked(0x81, "next"));
      await until(() => recorders[0]!.messages.length === 2);
      expect(recorders[0]!.messages).toEqual(["", "next"]);
    });

    test.each([
      ["in the turn", 2000],
      ["in another thread", 13_000],
    ])("thousands of parts with BFINAL are 1007: %s", async (_where, count) => {
      const { port, recorders } = await serve();
      const client = await RawClient.open(port, "/", OFFER);
      client.write(masked(TEXT, Buffer.alloc(count * 5, finalStored)));
      expect(await closeCode(client)).toBe(1007);
      await until(() => recorders[0]!.calls.length > 1);
      expect(recorders[0]!.calls[1]).toEqual(["error", 116]);
    });
  });

  test("200,000 empty compressed messages are delivered in order, and a neighbour is served between them", async () => {
    let seen = 0;
    let seenAtNeighbour = -1;
    const count = 200_000;
    const port = await countingServer((data) => {
      if (data === "neighbour") seenAtNeighbour = seen;
      else seen++;
    });
    const [client, neighbour] = [await RawClient.open(port, "/", OFFER), await RawClient.open(port, "/", OFFER)];
    client.write(Buffer.alloc(count * 6, masked(TEXT)));
    await until(() => seen > 0);
    neighbour.write(masked(0x81, "neighbour"));
    await until(() => seen === count && seenAtNeighbour >= 0);
    expect(seenAtNeighbour).toBeLessThan(count);
  });

  describe("reserved bits (RFC 7692 6.1)", () => {
    const close = closeBody(1000);
    test.each([
      ["RSV1 on a ping", [masked(0xc9, "x")]],
      ["RSV1 on a pong", [masked(0xca, "x")]],
      ["RSV1 on a close frame", [masked(0xc8, close)]],
      ["a close frame that is compressed", [masked(0xc8, deflate(close))]],
      ["RSV1 on a continuation", [masked(0x41, deflate("a text").subarray(0, 3)), masked(0xc0, "x")]],
      ["RSV1 on a continuation of a plain message", [masked(0x01, "a"), masked(0xc0, "x")]],
      ["RSV1 on a continuation without a message", [masked(0xc0, "x")]],
      ["RSV1 on a reserved opcode", [masked(0xc3, "x")]],
      ["RSV2", [masked(0xa1, "x")]],
      ["RSV3", [masked(0x91, "x")]],
      ["RSV1 and RSV2", [masked(0xe1, deflate("a text"))]],
      ["RSV1 and RSV3", [masked(0xd1, deflate("a text"))]],
    ] as const)("%s is 1002", async (_which, frames) => {
      const { port, recorders } = await serve();
      const client = await RawClient.open(port, "/", OFFER);
      client.write(...frames);
      expect(await closeCode(client)).toBe(1002);
      await until(() => recorders[0]!.calls.length > 1);
      expect(recorders[0]!.messages).toEqual([]);
    });

    test.each([undefined, "x-other", "permessage-deflate; server_max_window_bits=8"])(
      "RSV1 is 1002 when nothing was agreed: offer %s",
      async (offer) => {
        const { port } = await serve();
        const client = await RawClient.open(port, "/", { "Sec-WebSocket-Extensions": offer });
        client.write(masked(TEXT, deflate("a text")));
        expect(await closeCode(client)).toBe(1002);
      },
    );
  });
});

/** A server that keeps no message. Returns its port. */
async function countingServer(onMessage: (data: unknown) => void): Promise<number> {
  const handler = { onMessage: (_ws: unknown, event: { data: unknown }) => onMessage(event.data) };
  const options = { ...(await ownPort()), dataType: "auto", compression: true } as const;
  const wss = new WebSocketServer({ onConnection: () => handler }, options);
  onTestFinished(() => wss.terminate(0));
  return portOf(wss);
}
