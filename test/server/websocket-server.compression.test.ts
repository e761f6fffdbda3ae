import { createHash, randomBytes } from "node:crypto";
import { constants, deflateRawSync, inflateRawSync } from "node:zlib";
import type { WebSocketServerOptions } from "hawser";
import { describe, expect, onTestFinished, test } from "vitest";
import { WebSocket as WsClient } from "ws";
import { setZlibWay } from "../../src/compression/zlib.ts";
import { type Live, startServer } from "../support/live-server.ts";
import { RawClient, closeBody, masked } from "../support/raw-client.ts";
import { until } from "../support/peer.ts";

const OFFER = { "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits" };
const AGREED = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
const TEXT = 0x81;
const RSV1 = 0x40;
const TAIL = Buffer.from([0, 0, 0xff, 0xff]);

/** JSON that compresses well. */
function json(number: number, length = 1024): string {
  let items = "";
  for (let i = 0; items.length < length; i++)
    items += `,${JSON.stringify({ id: number * 1000 + i, name: `name ${i}`, isActive: i % 2 === 0 })}`;
  return `[${items.slice(1)}]`;
}

function deflate(data: string | Buffer): Buffer {
  return deflateRawSync(data, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
}

function inflate(data: Buffer): Buffer {
  return inflateRawSync(Buffer.concat([data, TAIL]), { finishFlush: constants.Z_SYNC_FLUSH });
}

/** A server that sends each message back. */
function echoServer(
  compression: WebSocketServerOptions["compression"],
  options: WebSocketServerOptions = {},
): Promise<Live> {
  return startServer({ message: (ws, data) => void ws.send(data) }, { compression, ...options });
}

/** The type, size and hash of a message: to compare large ones takes long. */
function digest(data: string | Buffer): string {
  return `${typeof data} ${data.length} ${createHash("sha1").update(data).digest("hex")}`;
}

/** A client of `ws`, and the messages it has received. */
async function wsClient(port: number, options = {}): Promise<{ client: WsClient; received: string[] }> {
  const client = new WsClient(`ws://127.0.0.1:${port}`, { perMessageDeflate: { threshold: 0, ...options } });
  onTestFinished(() => client.terminate());
  const received: string[] = [];
  client.on("message", (data: Buffer, isBinary) => received.push(digest(isBinary ? data : data.toString())));
  await new Promise((resolve, reject) => client.once("open", resolve).once("error", reject));
  return { client, received };
}

async function rawClient(port: number): Promise<RawClient> {
  return RawClient.open(port, "/", OFFER);
}

describe.each(["kept", "one-shot"] as const)("compression with zlib's handles %s", (way) => {
  const useWay = (): void => {
    setZlibWay(way);
    onTestFinished(() => setZlibWay(undefined));
  };

  test.each([
    ["no context takeover", true],
    ["a pool", { contextTakeover: { pool: 2 } }],
    ["a pool that is too small", { contextTakeover: { pool: 1 } }],
    ["other settings", { threshold: 0, level: 9, memLevel: 9, windowBits: 15 }],
  ] as const)("texts and binaries of all sizes come back with %s", async (_name, compression) => {
    useWay();
    const { port } = await echoServer(compression, { maxMessageSize: 4 * 1024 * 1024 });
    const clients = await Promise.all([wsClient(port), wsClient(port), wsClient(port)]);
    const sizes = [0, 1, 100, 300, 1024, 5000, 20_000, 70_000, 300_000, 1_500_000];
    const sent = clients.map(({ client }, which) =>
      sizes.flatMap((size, i) => {
        const text = size < 300 ? "x".repeat(size) : json(which * 100 + i, size);
        const bytes = Buffer.alloc(size, Buffer.from([which, i, 7, 7, 7, 200 + i]));
        client.send(text);
        client.send(bytes);
        return [text, bytes].map(digest);
      }),
    );
    for (const [i, { received }] of clients.entries()) {
      await until(() => received.length === sizes.length * 2);
      expect(received).toEqual(sent[i]);
    }
  });

  test("a bad stream is 1007, a text that is not UTF-8 too, and a message that is too big 1009", async () => {
    useWay();
    const { port, recorders, wss } = await echoServer(true, { maxMessageSize: 1000 });
    const ends: (readonly [Buffer, number, string, number])[] = [
      [Buffer.from([0x07, 0x07]), 1007, "invalid compression", 116],
      [deflate("a text").subarray(0, 4), 1007, "invalid compression", 116],
      [deflate(Buffer.from([0xc3])), 1007, "invalid UTF-8", 113],
      [deflate("a".repeat(1001)), 1009, "message too big", 114],
      [deflate("a".repeat(10_000_000)).subarray(0, 990), 1009, "message too big", 114],
    ];
    for (const [i, [payload, code, reason, errCode]] of ends.entries()) {
      const client = await rawClient(port);
      client.write(masked(TEXT | RSV1, payload));
      expect((await client.frame())?.payload).toEqual(closeBody(code, reason));
      client.end();
      await recorders[i]!.over;
      expect(recorders[i]!.calls.slice(1, 2)).toEqual([["error", errCode]]);
    }
    // The others go on.
    const client = await rawClient(port);
    client.write(masked(TEXT | RSV1, deflate("a text")));
    expect((await client.frame())?.payload.toString()).toBe("a text");
    expect(wss.counters.limits.maxMessageSize).toBe(2);
  });
});

describe("the server's option compression", () => {
  test("is off by default: no extension is agreed, and RSV1 is 1002", async () => {
    const { port, recorders } = await startServer();
    const client = await rawClient(port);
    client.write(masked(TEXT | RSV1, deflate("text")));
    expect((await client.frame())?.payload.readUInt16BE()).toBe(1002);
    expect(recorders[0]?.calls.slice(1, 2)).toEqual([["error", 101]]);
  });

  test("with true, ws.extensions has what was agreed; without an offer it is empty, and RSV1 is 1002", async () => {
    const extensions: string[] = [];
    const { port } = await startServer({ open: (ws) => void extensions.push(ws.extensions) }, { compression: true });
    const client = await RawClient.connect(port);
    await RawClient.open(port, "/", OFFER);
    await RawClient.open(port, "/", { "Sec-WebSocket-Extensions": "x-other" });
    const plain = await RawClient.open(port);
    plain.write(masked(TEXT | RSV1, deflate("text")));
    expect((await plain.frame())?.payload.readUInt16BE()).toBe(1002);
    expect(extensions).toEqual([AGREED, "", ""]);
    client.end();
  });

  test("the answer to the handshake has the agreed parameters", async () => {
    const { port } = await startServer({}, { compression: { contextTakeover: { pool: 1 } } });
    const client = await wsClient(port, { serverNoContextTakeover: true });
    expect(client.client.extensions).toBe("permessage-deflate");
  });
});

describe("what is sent compressed", () => {
  async function sentBy(
    send: (ws: Parameters<NonNullable<Parameters<typeof startServer>[0]>["open"] & object>[0]) => void,
    compression: WebSocketServerOptions["compression"] = true,
  ): Promise<RawClient> {
    const { port } = await startServer({ open: send }, { compression });
    return rawClient(port);
  }

  test("is a message from the threshold on", async () => {
    const client = await sentBy(
      (ws) => {
        ws.send("a".repeat(99));
        ws.send("a".repeat(100));
        ws.send(Buffer.alloc(99));
        ws.send(Buffer.alloc(100));
        ws.send("\u00e9".repeat(49));
        ws.send("\u00e9".repeat(50));
      },
      { threshold: 100 },
    );
    const rsv = [];
    for (let i = 0; i < 6; i++) rsv.push((await client.frame())?.rsv);
    expect(rsv).toEqual([0, 4, 0, 4, 0, 4]);
  });

  test("is no message that does not get smaller, and none with compress: false", async () => {
    const random = Buffer.from(crypto.getRandomValues(new Uint8Array(5000)));
    const client = await sentBy((ws) => {
      ws.send(random);
      ws.send(json(1), { compress: false });
      ws.send({ text: json(1) }, { compress: false });
      ws.send(json(1));
      ws.wss.broadcast(json(2), { compress: false });
      ws.wss.broadcast(random);
      ws.wss.broadcast(json(2));
    });
    const frames = [];
    for (let i = 0; i < 7; i++) frames.push(await client.frame());
    expect(frames.map((frame) => frame?.rsv)).toEqual([0, 0, 0, 4, 0, 0, 4]);
    expect(frames[0]?.payload).toEqual(random);
    expect(frames[5]?.payload).toEqual(random);
    expect(inflate(frames[3]!.payload).toString()).toBe(json(1));
    expect(inflate(frames[6]!.payload).toString()).toBe(json(2));
  });

  test("keeps its order, also around large messages, blobs and the close frame", async () => {
    const large = json(7, 200_000);
    const client = await sentBy((ws) => {
      ws.send("first");
      ws.send(large);
      ws.send("second");
      ws.send(new Blob([large]));
      ws.send(Buffer.from(large));
      ws.send(json(3));
      ws.wss.broadcast(large);
      ws.send("last");
      ws.close(1000, "done");
    });
    const texts = [];
    for (let i = 0; i < 8; i++) {
      const frame = await client.frame();
      texts.push(frame!.rsv === 4 ? inflate(frame!.payload).toString() : frame!.payload.toString());
    }
    expect(texts).toEqual(["first", large, "second", large, large, json(3), large, "last"]);
    expect((await client.frame())?.payload).toEqual(closeBody(1000, "done"));
  });
});

describe("what is received compressed", () => {
  test("is delivered in order, large messages too, and before the close", async () => {
    const { port, recorders } = await startServer({}, { compression: true });
    const client = await rawClient(port);
    const large = json(5, 900_000);
    const texts = ["a", large, "b", json(1), large, "c"];
    client.write(...texts.map((text) => masked(TEXT | RSV1, deflate(text))), masked(0x88, closeBody(1000)));
    void client.rest().then(() => client.end());
    await recorders[0]!.over;
    expect(recorders[0]!.messages).toEqual(texts);
    expect(recorders[0]!.end).toEqual([1000, undefined]);
  });

  test.each([
    [15, 8],
    [12, 5],
    [9, 1],
  ])("may be larger than maxMessageSize before that (windowBits %i, memLevel %i)", async (windowBits, memLevel) => {
    const size = 100_000;
    const { port } = await startServer(
      { message: (ws, data) => void ws.send(String(data.length)) },
      { compression: true, maxMessageSize: size },
    );
    const client = await rawClient(port);
    for (const length of [size, size + 1]) {
      const packed = deflateRawSync(randomBytes(length), { windowBits, memLevel, finishFlush: constants.Z_SYNC_FLUSH });
      expect(packed.length - 4).toBeGreaterThan(size);
      client.write(masked(0x02 | RSV1, packed.subarray(0, 50_000)), masked(0x80, packed.subarray(50_000, -4)));
      const expected = length === size ? Buffer.from(String(size)) : closeBody(1009, "message too big");
      expect((await client.frame())?.payload).toEqual(expected);
    }
  });

  test("waits compressed for a busy handler, in fragments and with control frames between", async () => {
    let release = (): void => undefined;
    const { port, recorders } = await startServer(
      { message: () => new Promise<void>((resolve) => (release = resolve)) },
      { compression: true },
    );
    const client = await rawClient(port);
    const whole = deflate(json(2));
    client.write(
      masked(TEXT, "first"),
      masked(0x41, whole.subarray(0, 10)),
      masked(0x89, "ping"),
      masked(0x00, whole.subarray(10, 20)),
      masked(0x80, whole.subarray(20)),
      masked(TEXT | RSV1, deflate("third")),
      masked(TEXT | RSV1, Buffer.from([0x07])),
    );
    expect((await client.frame())?.payload.toString()).toBe("ping");
    const messages = recorders[0]!.calls;
    for (const count of [2, 3, 4]) {
      await until(() => messages.length === count);
      release();
    }
    await until(() => messages.length === 5);
    expect(recorders[0]!.messages).toEqual(["first", json(2), "third"]);
    expect(recorders[0]!.calls.at(4)).toEqual(["error", 116]);
  });

  test.each(["a close frame", "the end of the stream"])("is answered before %s that follows it", async (what) => {
    const react: Parameters<typeof startServer>[0] = { message: (ws, data) => void ws.send(`${data.length}`) };
    const { port } = await startServer(react, { compression: true });
    const client = await rawClient(port);
    const text = json(1, 400_000);
    client.write(masked(TEXT | RSV1, deflate(text)));
    if (what === "a close frame") client.write(masked(0x88, closeBody(1000)));
    else client.end();
    const answer = await client.frame();
    expect(answer!.payload.toString()).toBe(`${text.length}`);
    client.end();
  });

  test("does no harm when its peer leaves while another thread works on it", async () => {
    const { port, recorders, wss } = await startServer({}, { compression: true });
    for (let i = 0; i < 20; i++) {
      const client = await rawClient(port);
      client.write(masked(TEXT | RSV1, deflate(json(i, 900_000))));
      await until(() => recorders.length === i + 1);
      client.socket.resetAndDestroy();
    }
    await Promise.all(recorders.map(({ over }) => over));
    expect(wss.counters.connections).toEqual({ opened: 20, closed: 20, leaving: 0 });
  });
});
