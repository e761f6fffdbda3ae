import type { DeflateRaw } from "node:zlib";
import type { WebSocketConnection } from "hawser";
import { beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { WebSocket as WsClient } from "ws";
import { setZlibWay } from "../../src/compression/zlib.ts";
import { type Live, startServer } from "../support/live-server.ts";
import { turn, until } from "../support/peer.ts";

// The server's calls of node:zlib are counted. The package `ws` is not changed by that: its clients have zlib to themselves.

/** The deflaters that are open now, the most that there were, and the same for jobs in other threads. */
const zlib = vi.hoisted(() => ({
  open: 0,
  mostOpen: 0,
  compressing: 0,
  mostCompressing: 0,
  streams: 0,
  mostStreams: 0,
}));

vi.mock(import("node:zlib"), async (importOriginal) => {
  const original = await importOriginal();
  const createDeflateRaw: typeof original.createDeflateRaw = (options) => {
    const stream: DeflateRaw = original.createDeflateRaw(options);
    zlib.mostOpen = Math.max(zlib.mostOpen, ++zlib.open);
    const close = stream.close.bind(stream);
    stream.close = (done) => {
      zlib.open--;
      close(done);
    };
    return stream;
  };
  const deflateRaw = ((bytes: Buffer, options: object, done: (error: Error | null, result: Buffer) => void) => {
    zlib.mostCompressing = Math.max(zlib.mostCompressing, ++zlib.compressing);
    original.deflateRaw(bytes, options, (error, result) => {
      zlib.compressing--;
      done(error, result);
    });
  }) as typeof original.deflateRaw;
  const createInflateRaw: typeof original.createInflateRaw = (options) => {
    const stream = original.createInflateRaw(options);
    zlib.mostStreams = Math.max(zlib.mostStreams, ++zlib.streams);
    return stream.once("close", () => zlib.streams--);
  };
  return { ...original, createDeflateRaw, deflateRaw, createInflateRaw };
});

beforeEach(() => {
  Object.assign(zlib, { open: 0, mostOpen: 0, mostCompressing: 0, mostStreams: 0 });
  setZlibWay("kept");
  onTestFinished(() => setZlibWay(undefined));
});

/** Numbers that are the same in each run. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** A client of `ws`, its connection on the server, and what the client must receive. */
class Pair {
  readonly expected: string[] = [];
  readonly received: string[] = [];
  readonly client: WsClient;
  readonly ws: WebSocketConnection<never>;

  private constructor(client: WsClient, ws: WebSocketConnection<never>) {
    this.client = client;
    this.ws = ws;
    client.on("message", (data) => this.received.push((data as Buffer).toString()));
  }

  static async open(live: Live, serverMaxWindowBits?: number): Promise<Pair> {
    const deflate = { threshold: 0, ...(serverMaxWindowBits !== undefined && { serverMaxWindowBits }) };
    const client = new WsClient(`ws://127.0.0.1:${live.port}`, { perMessageDeflate: deflate });
    onTestFinished(() => client.terminate());
    await new Promise((resolve, reject) => client.once("open", resolve).once("error", reject));
    return new Pair(client, live.wss.connections.at(-1) as never);
  }

  get isDone(): boolean {
    return this.received.length === this.expected.length || this.client.readyState !== WsClient.OPEN;
  }
}

const POOL = 8;
const CLIENTS = 200;
const STEPS = 4000;

/** The windows that clients ask for. */
const WINDOWS = [undefined, 9, 11];

describe("a pool of 8 for 200 clients that send and receive at random", () => {
  test.each([
    ["each its own messages", 0, POOL],
    ["and broadcasts, which need a deflater without a history for each window", 40, POOL + WINDOWS.length],
  ])(
    "never has more than 8 deflaters, and each client reads all its messages: %s",
    async (_which, broadcasts, most) => {
      const random = randomFrom(7);
      const compression = { threshold: 20, contextTakeover: { pool: POOL } };
      const live = await startServer({ message: (ws, data) => void ws.send(`back ${String(data)}`) }, { compression });
      const open = (): Promise<Pair> => Pair.open(live, WINDOWS[random(WINDOWS.length)]);
      const pairs: Pair[] = [];
      while (pairs.length < CLIENTS) pairs.push(await open());
      for (let step = 0; step < STEPS; step++) {
        const which = random(CLIENTS);
        const pair = pairs[which]!;
        const text = `${step} ${random(1e9)} for ${which}, again and again `.repeat(1 + random(100));
        const choice = random(100);
        if (broadcasts > 0 && step % (STEPS / broadcasts) === 0) {
          live.wss.broadcast(text);
          for (const { expected } of pairs) expected.push(text);
        } else if (choice < 50) {
          pair.ws.send(text);
          pair.expected.push(text);
        } else if (choice < 99 && pair.received.length === pair.expected.length) {
          // Nothing is on the way to this client, so the order of its messages is known.
          pair.client.send(text);
          pair.expected.push(`back ${text}`);
          await until(() => pair.isDone);
        } else if (choice === 99) {
          pair.client.terminate();
          pairs[which] = await open();
        }
        if (random(20) === 0) await turn();
      }
      await until(() => pairs.every(({ isDone }) => isDone));
      expect(pairs.map(({ received }) => received)).toEqual(pairs.map(({ expected }) => expected));
      expect(zlib.mostOpen).toBeLessThanOrEqual(most);
      expect(zlib.mostOpen).toBeGreaterThanOrEqual(POOL);
    },
  );
});

describe("ws#1202, ws#1369, node#8871: many jobs of zlib at a time, whose memory the system does not get back", () => {
  async function openAll(live: Live): Promise<Pair[]> {
    const pairs: Pair[] = [];
    while (pairs.length < 50) pairs.push(await Pair.open(live));
    return pairs;
  }

  test("one message is compressed at a time in other threads, whatever the number of clients", async () => {
    const live = await startServer({}, { compression: true });
    const pairs = await openAll(live);
    for (const [i, { ws, expected }] of pairs.entries()) {
      const text = `${i} a large text `.repeat(8000);
      ws.send(text);
      expected.push(text);
    }
    await until(() => pairs.every(({ received }) => received.length === 1));
    expect(pairs.map(({ received }) => received)).toEqual(pairs.map(({ expected }) => expected));
    expect(zlib.mostCompressing).toBe(1);
  });

  test("one message is decompressed at a time in other threads, and short ones need no job", async () => {
    const live = await startServer({}, { compression: true });
    const pairs = await openAll(live);
    const text = "a text that is large when it is decompressed ".repeat(8000);
    for (const { client } of pairs) for (const message of ["short", text, "short"]) client.send(message);
    await until(() => live.recorders.every(({ messages }) => messages.length === 3));
    for (const { messages } of live.recorders) expect(messages).toEqual(["short", text, "short"]);
    // The kept one of the process, and that of the job.
    expect(zlib.mostStreams).toBeLessThanOrEqual(2);
  });
});
