import { randomBytes } from "node:crypto";
import type { WebSocketConnection, WebSocketServer, WebSocketServerOptions } from "hawser";
import { describe, expect, onTestFinished, test } from "vitest";
import { setZlibWay } from "../../src/compression/zlib.ts";
import { type Recorder, startServer } from "../support/live-server.ts";
import { turn, until } from "../support/peer.ts";
import { adds } from "../support/slow-peer.ts";
import { InflatingClient } from "./support/inflating-client.ts";

// What is sent under a policy that drops, while another thread compresses a large message. Nothing waits for a time: what is
// sent in the same turn as the large message comes before that thread has finished.

const KIB = 1024;
const LIMIT = 400 * KIB;
const POLICIES = ["drop-oldest", "latest"] as const;
type Policy = (typeof POLICIES)[number];

const MODES: readonly (readonly [string, Exclude<WebSocketServerOptions["compression"], boolean | undefined>])[] = [
  ["without context takeover", {}],
  ["with context takeover", { contextTakeover: { pool: 4 } }],
  ["with a deflater for two", { contextTakeover: { pool: 1 } }],
];

/** A text of 100 KiB that another thread compresses. */
const large = (name: string): string => `${name} is a large text `.repeat(6000).slice(0, 100 * KIB);

/** A text of 2 KiB that is compressed when it is written. */
const short = (name: string): string => `${name} is a short text `.repeat(200).slice(0, 2 * KIB);

/** A client, its connection, and what was sent to it. */
interface Receiver {
  readonly ws: WebSocketConnection<Recorder>;
  readonly recorder: Recorder;
  readonly client: InflatingClient;
  /** All that was given to `send`, in order. */
  readonly sent: string[];
}

interface Session {
  readonly wss: WebSocketServer;
  readonly receivers: readonly Receiver[];
}

async function begin(policy: Policy, compression: WebSocketServerOptions["compression"]): Promise<Session> {
  const options = { compression, sendQueuePolicy: policy, maxSendQueue: LIMIT, highWaterMark: LIMIT / 2 };
  const { port, wss, recorders } = await startServer({}, options);
  const receivers: Receiver[] = [];
  for (const _name of ["one", "two"]) {
    const client = await InflatingClient.open(port, "permessage-deflate");
    const ws = wss.connections.at(-1) as WebSocketConnection<Recorder>;
    receivers.push({ ws, client, recorder: recorders.at(-1)!, sent: [] });
  }
  return { wss, receivers };
}

/** Sends a message, a name of bytes as bytes, while nothing that waits can be dropped for it. Returns it if it was kept. */
function send({ ws, sent }: Receiver, message: string, key?: string): string | undefined {
  const { pending, written } = ws.counters;
  const isFast = ws.send(message.startsWith("bytes") ? Buffer.from(message) : message, { key });
  sent.push(message);
  const now = adds(ws.counters);
  if (now.pending + now.written > pending + written) return message;
  expect(isFast).toBe(false);
  return undefined;
}

/** Sends noise until the system of a client that does not read takes no more, and messages wait. */
async function fill({ ws, client, sent }: Receiver): Promise<void> {
  client.socket.pause();
  for (let waiting = 0, quiet = 0; waiting < 64 * KIB || quiet < 5; quiet++) {
    if (ws.bufferedAmount === waiting && waiting > 64 * KIB) {
      await turn();
      continue;
    }
    waiting = ws.bufferedAmount;
    quiet = 0;
    if (waiting > 64 * KIB) continue;
    const noise = randomBytes(64 * KIB);
    sent.push(noise.toString());
    ws.send(noise, { key: "noise", compress: false });
    await turn();
  }
}

/** Waits until all is written and read. Returns what has come. */
async function received({ ws, client }: Receiver): Promise<string[]> {
  client.socket.resume();
  await until(() => ws.counters.pending === 0);
  const { written } = adds(ws.counters);
  await until(() => client.frames.length >= written || client.failure !== undefined);
  await client.inflated;
  expect(client.failure).toBeUndefined();
  return client.frames.map(({ payload }) => payload.toString());
}

/** Checks that the messages that came were sent to this client, each once and in order, and that all others are counted. */
function expectOrder({ ws, sent }: Receiver, came: readonly string[]): void {
  const at = came.map((message) => sent.indexOf(message));
  expect(at).not.toContain(-1);
  expect(at).toEqual([...new Set(at)].sort((a, b) => a - b));
  const { accepted, written, dropped } = adds(ws.counters);
  expect([accepted, written, dropped]).toEqual([sent.length, came.length, sent.length - came.length]);
}

describe.each(["kept", "one-shot"] as const)("with zlib's handles %s", (way) => {
  describe.each(POLICIES)("under %s, while another thread compresses a large message", (policy) => {
    describe.each(MODES)("%s", (_mode, compression) => {
      const start = (): Promise<Session> => {
        setZlibWay(way);
        onTestFinished(() => setZlibWay(undefined));
        return begin(policy, compression);
      };

      test("what is sent up to maxSendQueue is kept in order, and each message above it is dropped and reported", async () => {
        const { receivers, wss } = await start();
        const kept = receivers.map((receiver, who) => {
          const messages = [
            short(`${who} before`),
            large(`${who} text`),
            short(`${who} between`),
            large(`bytes ${who}`),
          ];
          for (let i = 0; i < 200; i++) messages.push(short(`${who} ${i}`));
          return messages.filter((message, i) => send(receiver, message, String(i % 3)) !== undefined);
        });
        for (const [who, receiver] of receivers.entries()) {
          const { dropped } = receiver.ws.counters;
          expect(dropped).toBeGreaterThan(50);
          expect(kept[who]!.length).toBeGreaterThan(50);
          expect(await receiver.ws.drained()).toBe(true);
          const last = short(`${who} after`);
          expect(send(receiver, last)).toBe(last);
          const came = await received(receiver);
          expect(came).toEqual([...kept[who]!, last]);
          expectOrder(receiver, came);
          expect(receiver.ws.status).toBe("Connected");
        }
        const dropped = receivers.reduce((sum, { ws }) => sum + ws.counters.dropped, 0);
        expect(wss.counters.limits.maxSendQueue).toBe(dropped);
      });

      test("for a client that does not read: the newest are kept, the order too, and all that is dropped is counted", async () => {
        const { receivers } = await start();
        const [slow, other] = receivers as [Receiver, Receiver];
        await fill(slow);
        // One job runs after the other, so the last one of the other client ends after all of the slow one.
        for (let i = 0; i < 3; i++)
          for (const who of receivers) expect(send(who, large(i === 1 ? "bytes" : `${i}`), "large")).toBeDefined();
        for (let i = 0; i < 100; i++) send(slow, short(`between ${i}`), String(i % 3));
        expect(await received(other)).toEqual(other.sent);
        // Now the large ones wait for the client, and may be dropped.
        const newest = Array.from({ length: 300 }, (_, i) => short(`newest ${i}`));
        for (const [i, message] of newest.entries()) slow.ws.send(message, { key: String(i % 3) });
        slow.sent.push(...newest);
        expect(slow.ws.status).toBe("Connected");
        const came = await received(slow);
        expect(slow.ws.counters.dropped).toBeGreaterThan(0);
        // Under "latest" a message takes the place of the one with its key: in order are those with the same key.
        const last = newest.slice(-3);
        expect(came.slice(-3).toSorted()).toEqual(last.toSorted());
        expectOrder(slow, policy === "latest" ? [...came.slice(0, -3), ...last] : came);
      });

      test.each([
        ["FIN", true],
        ["RST", true],
        ["RST", false],
        ["a close", true],
        ["ws.destroy()", true],
        ["ws.destroy()", false],
        ["terminate(1001)", true],
      ] as const)(
        "%s ends the connection (its client reads: %s): what waits is counted, and the other client gets all of its own",
        async (how, reads) => {
          const { receivers, wss } = await start();
          const [leaving, staying] = receivers as [Receiver, Receiver];
          if (!reads) await fill(leaving);
          for (let i = 0; i < 3; i++) {
            // Both share this text, which is compressed for both.
            const shared = large(`shared ${i}`);
            wss.broadcast(shared);
            for (const { sent } of receivers) sent.push(shared);
            send(leaving, large(`bytes leaving ${i}`));
            send(leaving, short(`leaving ${i}`));
            send(staying, short(`staying ${i}`));
          }
          if (how === "FIN") leaving.client.socket.end();
          else if (how === "RST") leaving.client.socket.resetAndDestroy();
          else if (how === "a close") leaving.ws.close(1000);
          else if (how === "ws.destroy()") leaving.ws.destroy();
          else leaving.ws.terminate(1001);
          if (reads && how !== "RST")
            await until(() => leaving.client.over || leaving.client.frames.at(-1)?.opcode === 8);
          leaving.client.socket.destroy();
          await leaving.recorder.over;
          const { accepted, written, dropped, pending } = adds(leaving.ws.counters);
          expect([accepted, pending]).toEqual([leaving.sent.length, 0]);
          expect(written + dropped).toBe(accepted);
          if (how === "RST" || how === "ws.destroy()") expect(dropped).toBeGreaterThan(0);
          await leaving.client.inflated;
          const came = leaving.client.frames
            .filter(({ opcode }) => opcode !== 8)
            .map(({ payload }) => payload.toString());
          expect(came).toEqual(leaving.sent.slice(0, came.length));
          expect(leaving.recorder.calls.filter(([name]) => name === "terminate")).toHaveLength(1);
          const rest = await received(staying);
          expect(rest).toEqual(staying.sent);
          expectOrder(staying, rest);
        },
      );
    });
  });
});
