import { createServer as createWebServer } from "node:http";
import type { Socket } from "node:net";
import { type DataType, type WSErrorEvent, type WSMessageEvent, WebSocketServer } from "hawser";
import { afterEach, describe, expect, onTestFinished, test } from "vitest";
import { receiveBudget } from "../../src/connection/receiving/receive-budget.ts";
import { errorTable } from "../../src/errors/table.ts";
import { deferred, portOf, turn, until } from "../support/peer.ts";
import { RawClient, closeBody, masked } from "../support/raw-client.ts";

const MIB = 1024 * 1024;
const KEY = [0x01, 0x82, 0x43, 0xf4];

/** How the sockets are read: into shared memory and the messages' own, or by data events. */
type Reading = "in place" | "data events";
const readings: readonly Reading[] = ["in place", "data events"];

afterEach(() => {
  expect(receiveBudget.total).toBe(0);
});

/** What a server received. */
interface Received {
  readonly port: number;
  readonly data: unknown[];
  readonly errors: number[];
  readonly sockets: readonly Socket[];
  readonly wss: WebSocketServer;
  terminated: number;
}

interface Options {
  readonly dataType?: DataType;
  readonly maxTotalReceiveQueue?: number;
  readonly maxBytesPerSecond?: number;
  readonly onMessage?: (event: WSMessageEvent<unknown>, ws: { send(message: string): unknown }) => unknown;
}

/** Starts a server whose connections are read in one of the two ways. */
async function serve(reading: Reading, { onMessage, ...options }: Options = {}): Promise<Received> {
  const web = createWebServer();
  const sockets: Socket[] = [];
  web.on("connection", (socket: Socket) => {
    sockets.push(socket);
    // A socket whose events somebody else sees is read by data events.
    if (reading === "data events") socket.emit = socket.emit.bind(socket);
  });
  const handler = {
    onMessage: (ws: { send(message: string): unknown }, event: WSMessageEvent<unknown>) => {
      received.data.push(event.data);
      return onMessage?.(event, ws);
    },
    onError: (_ws: unknown, { errors }: WSErrorEvent) => void received.errors.push(errors[0].errCode),
    onTerminate: () => {
      received.terminated++;
    },
  };
  const wss = new WebSocketServer(
    { onConnection: () => handler },
    { server: web, maxMessageSize: 16 * MIB, ...options },
  );
  const received: Received = { port: 0, data: [], errors: [], sockets, wss, terminated: 0 };
  onTestFinished(async () => {
    await wss.terminate(0);
    web.close();
  });
  web.listen(0, "127.0.0.1");
  return Object.assign(received, { port: await portOf(web) });
}

/** Bytes that differ between near places, and between messages. */
function pattern(length: number, salt = 0): Buffer {
  return Buffer.alloc(
    length,
    Uint8Array.from({ length: 65_521 }, (_, i) => (i * 7 + (i >>> 8) * 13 + salt * 31) & 0xff),
  );
}

async function someTurns(): Promise<void> {
  for (let i = 0; i < 50; i++) await turn();
}

/** The indexes of the messages that differ from what was sent. */
function spoiled(data: readonly unknown[], sent: readonly (Buffer | string)[]): number[] {
  return sent.flatMap((one, i) => (Buffer.from(data[i] as Buffer).equals(Buffer.from(one)) ? [] : [i]));
}

/** Where a socket reads next. */
function memoryOf(socket: Socket): Uint8Array {
  const name = Object.getOwnPropertySymbols(socket).find(({ description }) => description === "kBuffer")!;
  return (socket as unknown as Record<symbol, Uint8Array>)[name]!;
}

describe.each(readings)("a large message that is read %s", (reading) => {
  test("arrives whole, at any size, and so do the frames right after it", async () => {
    const received = await serve(reading, { dataType: "blob" });
    const client = await RawClient.open(received.port);
    const sent = [0, 1, 65_535, 65_536, 65_537, 100_000, MIB, 0, 3 * MIB + 5, 20, 16 * MIB, 7].map((size, i) =>
      pattern(size, i),
    );
    for (const [i, payload] of sent.entries()) {
      const short = Buffer.from(`short ${i}`);
      client.write(masked(0x82, payload, KEY), masked(0x82, short, KEY));
    }
    await until(() => received.data.length === 2 * sent.length);
    expect(
      spoiled(
        received.data,
        sent.flatMap((payload, i) => [payload, `short ${i}`]),
      ),
    ).toEqual([]);
  });

  test.each(["a", "\u00e9", "\u{1f600}"])("is a text of %j that is checked and decoded", async (character) => {
    const received = await serve(reading, { dataType: "text" });
    const client = await RawClient.open(received.port);
    const sent = [20, 30_000, 65_536, 250_000, 1_000_003].map((count) => `${count}${character.repeat(count)}`);
    // Twice: the second time in memory that was used before.
    for (const text of [...sent, ...sent]) client.write(masked(0x81, Buffer.from(text), KEY));
    await until(() => received.data.length === 2 * sent.length);
    expect([...sent, ...sent].findIndex((text, i) => text !== received.data[i])).toBe(-1);
  });

  test("may come in fragments with pings between them, cut anywhere", async () => {
    const received = await serve(reading, { dataType: "blob" });
    const client = await RawClient.open(received.port);
    const parts = [300_001, 0, 65_535, 700_000].map((size, i) => pattern(size, i));
    const stream = Buffer.concat(
      parts.flatMap((part, i) => [
        masked((i === 3 ? 0x80 : 0) | (i === 0 ? 2 : 0), part, [i, 2 * i, 3, 200 + i]),
        masked(0x89, `ping ${i}`),
      ]),
    );
    const pongs = client.frames();
    for (let at = 0, size = 1; at < stream.length; at += size, size = (size * 31) % 90_001) {
      client.write(stream.subarray(at, at + size));
      if (size % 3 === 0) await turn();
    }
    client.write(masked(0x88, closeBody(1000)));
    client.end();
    const answers = await pongs;
    expect(answers.map(({ opcode, payload }) => (opcode === 10 ? payload.toString() : opcode))).toEqual([
      ...["ping 0", "ping 1", "ping 2", "ping 3"],
      8,
    ]);
    expect(spoiled(received.data, [Buffer.concat(parts)])).toEqual([]);
    await until(() => received.terminated === 1);
  });

  test("keeps its memory whatever comes next, also if a handler transfers it", async () => {
    const received = await serve(reading, {
      dataType: "auto",
      onMessage: ({ data }) => {
        const { buffer } = data as Buffer;
        if (received.data.length % 2 === 0) structuredClone(buffer, { transfer: [buffer as ArrayBuffer] });
      },
    });
    const clients = [await RawClient.open(received.port), await RawClient.open(received.port)];
    const sent = Array.from({ length: 12 }, (_, i) => pattern(300_000, i));
    for (const [i, payload] of sent.entries()) {
      clients[i % 2]!.write(masked(0x82, payload, KEY));
      await until(() => received.data.length === i + 1);
    }
    const kept = received.data.filter((_, i) => i % 2 === 0);
    expect(
      spoiled(
        kept,
        sent.filter((_, i) => i % 2 === 0),
      ),
    ).toEqual([]);
    expect(received.data.filter((_, i) => i % 2 === 1).every((data) => (data as Buffer).length === 0)).toBe(true);
  });

  test("that is not UTF-8 fails at that byte, before its end", async () => {
    const received = await serve(reading, { dataType: "text" });
    const client = await RawClient.open(received.port);
    const text = Buffer.from("\u20ac".repeat(300_000));
    text[500_000] = 0xff;
    client.write(masked(0x81, text, KEY).subarray(0, 14 + 500_001));
    const frame = await client.frame();
    expect([frame!.opcode, frame!.payload.readUInt16BE(0)]).toEqual([8, 1007]);
    expect(received.errors).toEqual([errorTable.HWS_INVALID_UTF8.errCode]);
    expect(receiveBudget.total).toBe(0);
    client.end();
    await until(() => received.terminated === 1);
  });

  test.each(["resets", "ends"])("gives everything back if its peer %s in the middle", async (how) => {
    const received = await serve(reading);
    const client = await RawClient.open(received.port);
    client.write(masked(0x82, pattern(4 * MIB), KEY).subarray(0, 500_000));
    await until(() => (received.sockets[0]?.bytesRead ?? 0) > 500_000);
    expect(receiveBudget.total).toBe(4 * MIB - (500_000 - 14));
    if (how === "resets") client.socket.resetAndDestroy();
    else client.end();
    await until(() => received.terminated === 1);
    expect([receiveBudget.total, received.data]).toEqual([0, []]);
  });

  test("gives everything back if the server destroys the connection in the middle", async () => {
    const received = await serve(reading);
    const client = await RawClient.open(received.port);
    client.write(masked(0x82, pattern(4 * MIB), KEY).subarray(0, 500_000));
    await until(() => receiveBudget.total > 0 && (received.sockets[0]?.bytesRead ?? 0) > 500_000);
    for (const ws of received.wss.connections) ws.destroy();
    expect(receiveBudget.total).toBe(0);
    await until(() => received.terminated === 1);
  });

  test("arrives although the server has begun to close meanwhile, and the close goes on in order", async () => {
    const received = await serve(reading);
    const client = await RawClient.open(received.port);
    const frame = masked(0x82, pattern(2 * MIB), KEY);
    client.write(frame.subarray(0, 500_000));
    await until(() => receiveBudget.total > 0);
    for (const ws of received.wss.connections) ws.close(4000);
    expect((await client.frame())!.opcode).toBe(8);
    client.write(frame.subarray(500_000), masked(0x88, closeBody(4000)));
    client.end();
    await until(() => received.terminated === 1);
    expect([received.data, receiveBudget.total]).toEqual([[], 0]);
  });

  test("waits while the handler is busy, is read to its end then, and loses nothing", async () => {
    const busy = deferred();
    const received = await serve(reading, {
      dataType: "blob",
      onMessage: async () => {
        if (received.data.length === 1) await busy.promise;
      },
    });
    const client = await RawClient.open(received.port);
    const sent = [pattern(10, 1), pattern(2 * MIB, 2), pattern(90_000, 3)];
    for (const payload of sent) client.write(masked(0x82, payload, KEY));
    await until(() => received.sockets[0]?.isPaused() === true);
    // A socket with data events may read once more.
    await someTurns();
    const { bytesRead } = received.sockets[0]!;
    await someTurns();
    expect(received.sockets[0]!.bytesRead).toBe(bytesRead);
    expect(bytesRead).toBeLessThan(MIB);
    busy.resolve();
    await until(() => received.data.length === 3);
    expect(spoiled(received.data, sent)).toEqual([]);
  });

  test("is read no faster than maxBytesPerSecond allows, and arrives whole", async () => {
    const received = await serve(reading, { dataType: "blob", maxBytesPerSecond: 2 * MIB });
    const client = await RawClient.open(received.port);
    const payload = pattern(3 * MIB, 5);
    client.write(masked(0x82, payload, KEY));
    await until(() => received.data.length === 1);
    expect(spoiled(received.data, [payload])).toEqual([]);
    expect(received.wss.counters.limits.maxBytesPerSecond).toBeGreaterThan(0);
  });

  test("arrives also if nothing is left of maxTotalReceiveQueue: then its memory grows, and that is counted", async () => {
    const received = await serve(reading, { dataType: "blob", maxTotalReceiveQueue: 100_000 });
    const client = await RawClient.open(received.port);
    const payload = pattern(4 * MIB, 5);
    client.write(masked(0x82, payload, KEY));
    await until(() => received.data.length === 1);
    expect(spoiled(received.data, [payload])).toEqual([]);
    expect(received.wss.counters.limits.maxTotalReceiveQueue).toBeGreaterThan(0);
  });
});

describe.each(readings)("large texts that are sent (read %s)", (reading) => {
  /** Sends texts to a server that answers each of them twice, and returns the answers. */
  async function answersTo(texts: readonly string[], slow: boolean): Promise<string[]> {
    const received = await serve(reading, {
      dataType: "text",
      onMessage: ({ data }, ws) => {
        ws.send(`1 ${data as string}`);
        ws.send(`2 ${data as string}`);
      },
    });
    const client = await RawClient.open(received.port);
    if (slow) client.socket.pause();
    for (const text of texts) client.write(masked(0x81, Buffer.from(text), KEY));
    if (slow) await until(() => received.data.length === texts.length);
    client.socket.resume();
    const answers: string[] = [];
    while (answers.length < 2 * texts.length) answers.push((await client.frame())!.payload.toString());
    return answers;
  }

  test.each([
    ["that reads at once", false],
    ["that reads late", true],
  ])("arrive whole and in order at a peer %s, also when their memory is used again", async (_peer, slow) => {
    const texts = Array.from({ length: 12 }, (_, i) => {
      const character = ["a", "\u00e9", "\u20ac", "b"][i % 4]!;
      return `${i}${character.repeat([20_000, 70_000, 5_000, 200_000][(i * 7) % 4]! + i)}`;
    });
    const answers = await answersTo(texts, slow);
    expect(answers.findIndex((answer, i) => answer !== `${(i % 2) + 1} ${texts[i >> 1]!}`)).toBe(-1);
  });
});

describe("memory that is reserved for what has not arrived", () => {
  test("is within half of maxTotalReceiveQueue for all peers together, and less is reserved for the others", async () => {
    const limit = 8 * MIB;
    const received = await serve("in place", { maxTotalReceiveQueue: limit });
    const beginning = masked(0x82, Buffer.alloc(MIB), KEY).subarray(0, 20_000);
    const clients = await Promise.all(Array.from({ length: 30 }, () => RawClient.open(received.port)));
    for (const client of clients) client.write(beginning);
    await until(() => received.sockets.every(({ bytesRead }) => bytesRead > 20_000));
    expect(receiveBudget.total).toBeGreaterThan(limit / 2 - MIB);
    expect(receiveBudget.total).toBeLessThanOrEqual(limit / 2);
    expect(received.wss.counters.limits.maxTotalReceiveQueue).toBe(30 - 4);
    for (const client of clients) client.socket.resetAndDestroy();
    await until(() => received.terminated === 30);
    expect(receiveBudget.total).toBe(0);
  });

  test("is not reserved for a length, nor for a few bytes of a message", async () => {
    const received = await serve("in place");
    const client = await RawClient.open(received.port);
    client.write(masked(0x82, Buffer.alloc(16 * MIB), KEY).subarray(0, 10_000));
    await until(() => (received.sockets[0]?.bytesRead ?? 0) > 10_000);
    expect(receiveBudget.total).toBe(0);
  });
});

describe("a plain socket", () => {
  test("is read into the message's own memory, and into the shared memory again after it", async () => {
    const received = await serve("in place", { dataType: "auto" });
    const client = await RawClient.open(received.port);
    await until(() => received.sockets.length === 1);
    const [socket] = received.sockets;
    const shared = memoryOf(socket!);
    const frame = masked(0x82, pattern(MIB), KEY);
    client.write(frame.subarray(0, 200_000));
    await until(() => socket!.bytesRead > 200_000);
    const own = memoryOf(socket!);
    expect(own).not.toBe(shared);
    expect(own.buffer.byteLength).toBeGreaterThanOrEqual(MIB);
    client.write(frame.subarray(200_000), masked(0x82, "after"));
    await until(() => received.data.length === 2);
    expect(memoryOf(socket!)).toBe(shared);
    expect((received.data[0] as Buffer).buffer).toBe(own.buffer);
    expect(spoiled(received.data, [pattern(MIB), "after"])).toEqual([]);
  });
});
