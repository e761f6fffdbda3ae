import { once } from "node:events";
import { createServer as createWebServer } from "node:http";
import { type AddressInfo, Socket, connect } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls, createServer as createTlsServer } from "node:tls";
import { type DataType, type WSMessageEvent, WebSocketServer } from "hawser";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { type StreamListener, attach } from "../../../src/connection/transport/stream-events.ts";
import type { Bytes } from "../../../src/protocol/bytes.ts";
import { utf8 } from "../../support/bytes.ts";
import { certificate } from "../../support/certificate.ts";
import { Peer, deferred, portOf, turn, until } from "../../support/peer.ts";
import { RawClient, handshake, masked } from "../../support/raw-client.ts";
import { type Pair, listening, pair } from "../../support/socket-pair.ts";
import { Wire } from "../../support/wire.ts";

/** Bytes that Node reads at once. */
const READ = 65_536;

/** Records the calls of a linked stream, and copies of the bytes. */
class Ear implements StreamListener {
  readonly chunks: Buffer[] = [];
  readonly memory = new Set<Bytes>();
  readonly lent: boolean[] = [];
  readonly told: string[] = [];
  length = 0;
  /** Where the next chunk is read to, after this one. */
  target: Bytes | undefined;
  onChunk: (chunk: Buffer) => void = () => undefined;

  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }

  onData(chunk: Bytes, end: number, lent: boolean): Bytes | undefined {
    if (!(end > 0 && end <= chunk.length)) throw new Error(`${end} of ${chunk.length} bytes`);
    const copy = Buffer.from(chunk.subarray(0, end));
    this.chunks.push(copy);
    this.memory.add(chunk);
    this.lent.push(lent);
    this.length += end;
    this.onChunk(copy);
    return this.target;
  }

  onDrain(): void {
    this.told.push("drained");
  }

  onTaken(): void {
    this.told.push("taken");
  }

  onEnd(): void {
    this.told.push(`ended after ${this.length}`);
  }

  onStreamError(cause: NodeJS.ErrnoException): void {
    this.told.push(`failed ${cause.code}`);
  }

  onStreamClose(): void {
    this.told.push("closed");
  }
}

async function linked(): Promise<Pair & { readonly ear: Ear }> {
  const ends = await pair();
  const ear = new Ear();
  attach(ends.near, ear);
  return { ...ends, ear };
}

/** Bytes that differ between near places, and between senders. */
function pattern(length: number, sender: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, i) => (i * 7 + (i >>> 8) * 13 + sender * 31) & 0xff));
}

async function someTurns(): Promise<void> {
  for (let i = 0; i < 50; i++) await turn();
}

describe("a plain socket", () => {
  test("is read into lent memory, the same for all sockets", async () => {
    const [one, other] = [await linked(), await linked()];
    for (const { far, ear } of [one, other]) {
      far.write("first");
      await until(() => ear.length === 5);
      far.write("second");
      await until(() => ear.length === 11);
      expect(ear.bytes.toString()).toBe("firstsecond");
      expect(ear.lent.every(Boolean)).toBe(true);
    }
    const memory = new Set([...one.ear.memory, ...other.ear.memory]);
    expect([...memory].map(({ length }) => length)).toEqual([READ]);
  });

  test("is read to the last byte, at most its memory's size at once", async () => {
    const { far, ear } = await linked();
    const all = pattern(5_000_000, 1);
    far.end(all);
    await until(() => ear.told.length > 0);
    expect(ear.told).toEqual([`ended after ${all.length}`]);
    expect(Buffer.compare(ear.bytes, all)).toBe(0);
    expect(ear.chunks.every(({ length }) => length <= READ)).toBe(true);
  });

  test("never gets what others send at the same time", async () => {
    const all = await Promise.all(Array.from({ length: 6 }, linked));
    const sent = all.map((_, i) => pattern(400_000 + i, i));
    for (let at = 0, step = 0; at < 400_010; step++) {
      // Pieces of many sizes, from all senders by turns.
      const size = 1 + ((step * 7919) % 9000);
      all.forEach(({ far }, i) => far.write(sent[i]!.subarray(at, at + size)));
      at += size;
      if (step % 5 === 0) await turn();
    }
    await until(() => all.every(({ ear }, i) => ear.length >= sent[i]!.length));
    all.forEach(({ ear }, i) => expect(Buffer.compare(ear.bytes, sent[i]!), `socket ${i}`).toBe(0));
    expect(all.flatMap(({ ear }) => ear.lent).every(Boolean)).toBe(true);
  });

  test("that is paused is not read, and loses no bytes", async () => {
    const { near, far, ear } = await linked();
    const all = pattern(3_000_000, 2);
    ear.onChunk = () => near.pause();
    far.write(all);
    await until(() => ear.chunks.length === 1);
    for (let i = 2; i < 10; i++) {
      await someTurns();
      expect(ear.chunks).toHaveLength(i - 1);
      expect(near.bytesRead).toBe(ear.length);
      near.resume();
      await until(() => ear.chunks.length === i);
    }
    ear.onChunk = () => undefined;
    near.resume();
    await until(() => ear.length === all.length);
    expect(Buffer.compare(ear.bytes, all)).toBe(0);
    expect(ear.lent.every(Boolean)).toBe(true);
  });

  test("that is paused outside a read is not read either, and its end comes when it is read again", async () => {
    const { near, far, ear } = await linked();
    far.write("a");
    await until(() => ear.length === 1);
    near.pause();
    await turn();
    far.end("bcd");
    await someTurns();
    expect([ear.length, ear.told]).toEqual([1, []]);
    near.resume();
    await until(() => ear.told.length > 0);
    expect([ear.bytes.toString(), ear.told]).toEqual(["abcd", ["ended after 4"]]);
  });

  test("reports its end, and its close", async () => {
    const { near, far, ear } = await linked();
    far.end("bye");
    await until(() => ear.told.length > 0);
    near.end();
    await until(() => ear.told.length > 1);
    expect([ear.bytes.toString(), ear.told]).toEqual(["bye", ["ended after 3", "closed"]]);
  });

  test("reports a reset", async () => {
    const { far, ear } = await linked();
    far.write("x");
    await until(() => ear.length === 1);
    far.resetAndDestroy();
    await until(() => ear.told.includes("closed"));
    expect(ear.told).toEqual(["failed ECONNRESET", "closed"]);
  });

  test("that is destroyed while it is read reports only its close", async () => {
    const { near, far, ear } = await linked();
    ear.onChunk = () => near.destroy();
    far.write(pattern(1_000_000, 3));
    await until(() => ear.told.length > 0);
    await someTurns();
    expect([ear.chunks.length, ear.told]).toEqual([1, ["closed"]]);
  });

  test("may be written to while it is read", async () => {
    const { near, far, ear } = await linked();
    const back: Buffer[] = [];
    far.on("data", (chunk) => back.push(chunk));
    ear.onChunk = (chunk) => near.write(chunk);
    const all = pattern(500_000, 4);
    far.write(all);
    await until(() => back.reduce((sum, { length }) => sum + length, 0) === all.length);
    expect(Buffer.compare(Buffer.concat(back), all)).toBe(0);
  });
});

describe("a read into memory of the listener's own", () => {
  /** Reads `sent` with targets of these sizes, and shared memory after each of them. */
  async function readTo(sizes: readonly number[], sent: Buffer): Promise<Ear> {
    const { far, ear } = await linked();
    const left = [...sizes];
    let isOwn = false;
    ear.onChunk = () => {
      ear.target = isOwn || left.length === 0 ? undefined : (Buffer.alloc(left.shift()!) as unknown as Bytes);
      isOwn = ear.target !== undefined;
    };
    far.write(sent);
    await until(() => ear.length === sent.length);
    return ear;
  }

  test("fills exactly that memory, and goes on in the shared memory", async () => {
    const sent = pattern(2_000_000, 5);
    const sizes = [1, 100, 65_535, 65_536, 65_537, 300_000];
    const ear = await readTo(sizes, sent);
    expect(Buffer.compare(ear.bytes, sent)).toBe(0);
    const memories = [...ear.memory];
    expect(memories.filter(({ length }) => length === READ).length).toBeGreaterThan(0);
    // The system may have had fewer bytes than the larger ones have space for.
    expect(memories.map(({ length }) => length)).toEqual(expect.arrayContaining(sizes));
    expect(ear.chunks.some(({ length }) => length === 100)).toBe(true);
  });

  test("may follow another one", async () => {
    const { far, ear } = await linked();
    const targets = Array.from({ length: 5 }, () => Buffer.alloc(1000) as unknown as Bytes);
    let at = 0;
    ear.onChunk = () => (ear.target = targets[at++]);
    const sent = pattern(50_000, 6);
    far.write("first");
    await until(() => ear.length === 5);
    far.write(sent);
    await until(() => ear.length === sent.length + 5);
    expect(Buffer.compare(ear.bytes.subarray(5), sent)).toBe(0);
    expect(ear.chunks.slice(1, 6).every(({ length }) => length <= 1000)).toBe(true);
    expect(Buffer.compare(targets[0]!.subarray(0, 10) as Uint8Array, sent.subarray(0, 10))).toBe(0);
  });

  test("ends with the connection: the next one reads into the shared memory", async () => {
    const one = await linked();
    one.ear.target = Buffer.alloc(1000) as unknown as Bytes;
    one.far.write("x");
    await until(() => one.ear.length === 1);
    one.far.resetAndDestroy();
    await until(() => one.ear.told.includes("closed"));
    const other = await linked();
    other.far.write("y");
    await until(() => other.ear.length === 1);
    expect([...other.ear.memory][0]).toBe([...one.ear.memory][0]);
  });

  test("is not done if the socket is destroyed while it is read", async () => {
    const { near, far, ear } = await linked();
    ear.target = Buffer.alloc(1000, 0xee) as unknown as Bytes;
    ear.onChunk = () => near.destroy();
    far.write(pattern(1_000_000, 3));
    await until(() => ear.told.length > 0);
    await someTurns();
    expect(ear.chunks).toHaveLength(1);
    expect((ear.target as Uint8Array).every((byte) => byte === 0xee)).toBe(true);
  });

  test("waits while the socket is paused, and is done then", async () => {
    const { near, far, ear } = await linked();
    const target = Buffer.alloc(1000) as unknown as Bytes;
    ear.onChunk = () => {
      ear.target = ear.chunks.length === 1 ? target : undefined;
      near.pause();
    };
    far.write("a");
    await until(() => ear.length === 1);
    far.write(pattern(3000, 2));
    await someTurns();
    expect(ear.length).toBe(1);
    near.resume();
    await until(() => ear.length === 1001);
    expect(Buffer.compare(target as Uint8Array, pattern(1000, 2))).toBe(0);
    near.resume();
    await until(() => ear.length === 3001);
  });
});

/** Both, by data events: none of the memory is lent. */
function expectStock(ear: Ear, text: string): void {
  expect(ear.bytes.toString()).toBe(text);
  expect(ear.lent.some(Boolean)).toBe(false);
}

describe("a stream that is not a fresh plain socket is read by data events", () => {
  test("a socket that already has data", async () => {
    const { near, far } = await pair();
    far.write("waits ");
    await once(near, "readable");
    expect(near.readableLength).toBe(6);
    const ear = new Ear();
    attach(near, ear);
    near.resume();
    await until(() => ear.length === 6);
    far.write("and more");
    await until(() => ear.length === 14);
    expectStock(ear, "waits and more");
  });

  test.each(["data", "readable"])("a socket with another listener for %s", async (event) => {
    const { near, far } = await pair();
    let seen = 0;
    near.on(event, () => seen++);
    const ear = new Ear();
    attach(near, ear);
    far.write("seen");
    await until(() => ear.length === 4 || seen > 0);
    expect(seen).toBeGreaterThan(0);
    expect(ear.lent.some(Boolean)).toBe(false);
  });

  test("a socket with an emit of its own, which counts events", async () => {
    const { near, far } = await pair();
    const emit = near.emit.bind(near);
    const events: unknown[] = [];
    near.emit = ((...event: Parameters<typeof emit>) => {
      events.push(event[0]);
      return emit(...event);
    }) as typeof emit;
    const ear = new Ear();
    attach(near, ear);
    far.write("seen");
    await until(() => ear.length === 4);
    expectStock(ear, "seen");
    expect(events).toContain("data");
  });

  test("a socket of a runtime that has the method without its effect", async () => {
    const { near, far } = await pair();
    const { _handle: handle } = near as unknown as { _handle: { useUserBuffer: unknown } };
    handle.useUserBuffer = () => {
      throw new Error("Not implemented");
    };
    const ear = new Ear();
    attach(near, ear);
    far.write("all the same");
    await until(() => ear.length === 12);
    expectStock(ear, "all the same");
  });

  test("a socket that was paused while data came, and then goes on", async () => {
    const { near, far } = await pair();
    near.pause();
    far.write("waits");
    await once(near, "readable");
    const ear = new Ear();
    attach(near, ear);
    await until(() => ear.length === 5);
    expectStock(ear, "waits");
  });

  test("a TLS socket", async () => {
    const { promise, resolve } = deferred<Duplex>();
    const server = createTlsServer(certificate, resolve);
    onTestFinished(() => void server.close());
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const far = connectTls({ port, host: "127.0.0.1", ca: certificate.cert });
    onTestFinished(() => void far.destroy());
    const near = await promise;
    onTestFinished(() => void near.destroy());
    const ear = new Ear();
    attach(near, ear);
    far.write("secret");
    await until(() => ear.length === 6);
    expectStock(ear, "secret");
  });

  test("a stream that is not a socket", async () => {
    const stream = new Wire();
    const ear = new Ear();
    attach(stream, ear);
    stream.arrive(utf8("a"), utf8("b"));
    await until(() => ear.length === 2);
    expectStock(ear, "ab");
  });

  test("a socket that was destroyed", async () => {
    const { near } = await pair();
    near.destroy();
    const ear = new Ear();
    attach(near, ear);
    near.emit("data", Buffer.from("late"));
    expectStock(ear, "late");
    await until(() => ear.told.length > 0);
    expect(ear.told).toEqual(["closed"]);
  });

  test("a socket that is not connected yet", async () => {
    const port = await listening((socket) => socket.end("hello"));
    const socket = new Socket();
    onTestFinished(() => void socket.destroy());
    const ear = new Ear();
    attach(socket, ear);
    socket.connect(port, "127.0.0.1");
    await until(() => ear.told.length > 0);
    expectStock(ear, "hello");
  });

  test("a socket of a class of its own", async () => {
    const port = await listening((socket) => socket.end("hello"));
    class Own extends Socket {}
    const socket = new Own();
    onTestFinished(() => void socket.destroy());
    socket.connect(port, "127.0.0.1");
    await once(socket, "connect");
    const ear = new Ear();
    attach(socket, ear);
    await until(() => ear.told.length > 0);
    expectStock(ear, "hello");
  });

  test("a socket that its owner reads in this way keeps the owner's memory", async () => {
    const port = await listening((socket) => socket.end("hello"));
    const buffer = Buffer.alloc(10);
    let own = "";
    const callback = (bytes: number, memory: Uint8Array): boolean => {
      own += Buffer.from(memory.subarray(0, bytes)).toString();
      return true;
    };
    const socket = connect({ port, host: "127.0.0.1", onread: { buffer, callback } });
    onTestFinished(() => void socket.destroy());
    await once(socket, "connect");
    const ear = new Ear();
    attach(socket, ear);
    await until(() => ear.told.length > 0);
    expect([own, ear.length]).toEqual(["hello", 0]);
  });

  test.each(["18.20.0", "27.0.0", "none"])("a socket of Node %s, an unknown version", async (node) => {
    onTestFinished(() => {
      vi.unstubAllGlobals();
      vi.resetModules();
    });
    vi.stubGlobal("process", Object.create(process, { versions: { value: { ...process.versions, node } } }));
    vi.resetModules();
    const { attach: linkThere } = await import("../../../src/connection/transport/stream-events.ts");
    const { near, far } = await pair();
    const ear = new Ear();
    linkThere(near, ear);
    far.write("hello");
    await until(() => ear.length === 5);
    expectStock(ear, "hello");
  });
});

/** A server on its own web server, whose sockets the test can inspect. */
interface Served {
  readonly port: number;
  readonly sockets: readonly Socket[];
}

/** A message as it is delivered, with any dataType. */
type AnyMessage = WSMessageEvent<unknown>;

/** Starts a server. All its connections call `onMessage`, each with its number. */
async function serve(
  dataType: DataType,
  onMessage: (event: AnyMessage, connection: number) => unknown,
): Promise<Served> {
  const web = createWebServer();
  const sockets: Socket[] = [];
  web.on("connection", (socket: Socket) => sockets.push(socket));
  let connections = 0;
  const handler = {
    onConnection: () => {
      const number = connections++;
      return { onMessage: (_ws: unknown, event: AnyMessage) => onMessage(event, number) };
    },
  };
  const wss = new WebSocketServer(handler, { server: web, dataType });
  onTestFinished(async () => {
    await wss.terminate(0);
    web.close();
  });
  web.listen(0, "127.0.0.1");
  return { port: await portOf(web), sockets };
}

/** The property in which a socket keeps its read memory. */
function sharedMemoryOf(socket: Socket): unknown {
  const name = Object.getOwnPropertySymbols(socket).find(({ description }) => description === "kBuffer");
  return name === undefined ? undefined : (socket as unknown as Record<symbol, unknown>)[name];
}

/** Connects several clients that send the payloads of `payload` by turns. The handler keeps all messages. */
async function keepAll(
  dataType: DataType,
  clients: number,
  rounds: number,
  payload: (client: number, round: number) => Buffer | string,
): Promise<unknown[][]> {
  const kept: unknown[][] = Array.from({ length: clients }, () => []);
  const { port, sockets } = await serve(dataType, ({ data }, connection) => void kept[connection]!.push(data));
  const peers: Peer[] = [];
  for (let i = 0; i < clients; i++) peers.push(await Peer.open(port));
  const memory = new Set(sockets.map(sharedMemoryOf));
  expect([...memory].map((bytes) => (bytes as Uint8Array).length)).toEqual([READ]);
  for (let round = 0; round < rounds; round++) {
    peers.forEach(({ socket }, i) => socket.send(payload(i, round)));
    if (round % 4 === 0) await turn();
  }
  await until(() => kept.every(({ length }) => length === rounds));
  return kept;
}

/** The first of the kept messages that differs from the sent one. */
function spoiled(kept: readonly unknown[][], payload: (client: number, round: number) => Buffer | string): string[] {
  const all = kept.flatMap((messages, client) =>
    messages.flatMap((message, round) =>
      Buffer.compare(message as Buffer, Buffer.from(payload(client, round))) === 0 ? [] : [`${client}:${round}`],
    ),
  );
  return all.slice(0, 3);
}

describe("a server whose sockets are read into lent memory", () => {
  test("delivers binary messages that do not change, whatever comes after them", async () => {
    const sizes = [0, 1, 20, 125, 126, 1000, 1500, 5000, 40_000, 70_000];
    const payload = (client: number, round: number): Buffer =>
      pattern(sizes[(client + round) % sizes.length]!, client * 7 + round);
    const kept = await keepAll("auto", 5, 120, payload);
    expect(spoiled(kept, payload)).toEqual([]);
  });

  test("delivers the bytes of texts that do not change either, when bytes are asked for", async () => {
    const payload = (client: number, round: number): string =>
      `${client}:${round} ${(round % 3 === 0 ? "\u00e9" : "e").repeat((round * 37) % 400)}`;
    const kept = await keepAll("blob", 4, 120, payload);
    expect(spoiled(kept, payload)).toEqual([]);
  });

  test("delivers texts unchanged, short and long, from several clients at once", async () => {
    const payload = (client: number, round: number): string =>
      `${client}:${round} ${(round % 5 === 0 ? "\u20ac" : "e").repeat((round * 37) % 400)}`;
    const kept = await keepAll("text", 4, 300, payload);
    expect(kept).toEqual(kept.map((_, client) => Array.from({ length: 300 }, (__, round) => payload(client, round))));
  });

  test("goes on reading after the bytes that came with the handshake", async () => {
    const kept: unknown[] = [];
    const { port } = await serve("auto", ({ data }) => void kept.push(data));
    const client = await RawClient.connect(port);
    client.write(handshake(), masked(0x82, "with it"), masked(0x81, "text"), masked(0x82, "cut here").subarray(0, 9));
    await until(() => kept.length === 2);
    client.write(masked(0x82, "cut here").subarray(9), masked(0x82, "after"));
    await until(() => kept.length === 4);
    client.write(masked(0x82, "x".repeat(300)));
    await until(() => kept.length === 5);
    expect(kept.map(String)).toEqual(["with it", "text", "cut here", "after", "x".repeat(300)]);
  });

  test("stops reading while a handler is busy, and loses no message", async () => {
    const busy = deferred();
    const kept: string[] = [];
    const { port, sockets } = await serve("text", async ({ data }) => {
      kept.push(data as string);
      if (kept.length === 1) await busy.promise;
      // Sometimes it is pending for some turns more.
      if (kept.length % 500 === 0) await someTurns();
    });
    const peer = await Peer.open(port);
    const texts = Array.from({ length: 6000 }, (_, i) => `${i}`.padEnd(i % 2 === 0 ? 30 : 3000, "."));
    const bytes = texts.reduce((sum, { length }) => sum + length, 0);
    for (const text of texts) peer.socket.send(text);
    const [near] = sockets;
    await until(() => near!.isPaused());
    const read = near!.bytesRead;
    await someTurns();
    expect(near!.bytesRead).toBe(read);
    expect(read).toBeLessThan(bytes / 4);
    expect(kept).toHaveLength(1);
    busy.resolve();
    await until(() => kept.length >= texts.length);
    await until(() => !near!.isPaused());
    await someTurns();
    expect(kept.length).toBe(texts.length);
    expect(kept.findIndex((text, i) => text !== texts[i])).toBe(-1);
  });

  test("keeps the bytes of messages that wait for a pending handler", async () => {
    const busy = deferred();
    const kept: Buffer[] = [];
    const { port, sockets } = await serve("auto", async ({ data }, connection) => {
      if (connection === 0) kept.push(data as Buffer);
      if (connection === 0 && kept.length === 1) await busy.promise;
    });
    const [slow, other] = [await Peer.open(port), await Peer.open(port)];
    const payload = (round: number): Buffer => pattern(200 + round * 10, round);
    for (let round = 0; round < 100; round++) slow.socket.send(payload(round));
    await until(() => sockets[0]!.isPaused());
    // Other sockets go on using the shared memory.
    for (let round = 0; round < 50; round++) other.socket.send(Buffer.alloc(60_000, 0xee));
    await until(() => sockets[1]!.bytesRead > 50 * 60_000);
    busy.resolve();
    await until(() => kept.length === 100);
    expect(kept.findIndex((bytes, round) => Buffer.compare(bytes, payload(round)) !== 0)).toBe(-1);
  });
});
