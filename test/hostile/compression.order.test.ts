import type { WebSocketConnection, WebSocketServerOptions } from "hawser";
import { describe, expect, onTestFinished, test } from "vitest";
import { setZlibWay } from "../../src/compression/zlib.ts";
import { startServer } from "../support/live-server.ts";
import { turn, until } from "../support/peer.ts";
import { closeBody, masked } from "../support/raw-client.ts";
import { adds } from "../support/slow-peer.ts";
import { InflatingClient } from "./support/inflating-client.ts";

// Random messages to several clients, of which some do not read for a while. Each client decodes with one inflater for its
// connection, and must see exactly what was sent to it and not dropped, in order.

/** Numbers that are the same for a seed. */
function randomOf(seed: number): (below: number) => number {
  let state = seed * 2_654_435_761;
  return (below) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0;
    const mixed = Math.imul(state ^ (state >>> 13), 0x297a2d39) >>> 0;
    return mixed % below;
  };
}

const SIZES = [0, 1, 20, 99, 300, 1000, 5000, 20_000, 40_000, 64 * 1024, 70_000, 150_000] as const;

/** A text of about this many characters that begins with a number: words that come again, or noise, ASCII or not. */
function textOf(random: (below: number) => number, number: number): string {
  const size = SIZES[random(SIZES.length)]!;
  const words = ["price", "\u20ac 1.50", "name", "the same words again and again", String(random(1e9)), "\u{1f600}"];
  let text = `${number}:`;
  const noise = random(4) === 0;
  while (text.length < size) text += noise ? random(2 ** 31).toString(36) : words[random(words.length)]!;
  return text;
}

const KEYS = ["0", "1", "2"] as const;

/** The key of a text: from its number. */
const keyOf = (text: string): string => KEYS[Number.parseInt(text, 10) % KEYS.length]!;

type Policy = NonNullable<WebSocketServerOptions["sendQueuePolicy"]>;

const OFFERS = [
  "permessage-deflate",
  "permessage-deflate; server_max_window_bits=9",
  "permessage-deflate; server_no_context_takeover; server_max_window_bits=10",
  "x-none",
] as const;

/** What was sent to one client. */
interface Sent {
  readonly ws: WebSocketConnection<never>;
  readonly client: InflatingClient;
  /** Each message that was not refused at once. */
  readonly messages: string[];
}

async function play(seed: number, compression: WebSocketServerOptions["compression"], policy: Policy): Promise<void> {
  const random = randomOf(seed);
  const { port, wss } = await startServer(
    {},
    { compression, sendQueuePolicy: policy, maxSendQueue: 400_000, highWaterMark: 100_000 },
  );
  const all: Sent[] = [];
  for (const offer of OFFERS) {
    const client = await InflatingClient.open(port, offer);
    all.push({ ws: wss.connections.at(-1) as never, client, messages: [] });
  }
  let number = 0;
  const drains: Promise<boolean>[] = [];
  for (let step = 0; step < 150; step++) {
    const one = all[random(all.length)]!;
    const text = textOf(random, number++);
    const isText = random(2) === 0;
    const message = isText ? text : random(5) === 0 ? new Blob([text]) : Buffer.from(text);
    const options = { key: keyOf(text), ...(random(4) === 0 && { compress: false }) };
    const receivers = random(4) === 0 ? all : [one];
    const dropped = receivers.map(({ ws }) => ws.counters.dropped);
    if (receivers === all) wss.broadcast(message, options);
    else (one.ws.send as (...args: unknown[]) => boolean)(message, options);
    for (const [i, { ws, messages }] of receivers.entries()) {
      adds(ws.counters);
      // With the other policies an older one may have been dropped.
      if (policy !== "drop-newest" || ws.counters.dropped === dropped[i]) messages.push(text);
    }
    const { socket } = one.client;
    if (random(8) === 0) socket.pause();
    if (random(10) === 0) socket.resume();
    if (random(10) === 0) drains.push(one.ws.drained());
    if (random(3) === 0) await turn();
  }
  for (const { client } of all) client.socket.resume();
  await until(() => all.every(({ ws }) => ws.counters.pending === 0));
  for (const { ws } of all) if (ws.status === "Connected") ws.terminate(1000);
  await Promise.all(drains);
  await until(() => all.every(({ client }) => client.over || client.frames.at(-1)?.opcode === 8));
  for (const { ws, client, messages } of all) {
    await client.inflated;
    expect(client.failure).toBeUndefined();
    const seen = client.frames.filter(({ opcode }) => opcode !== 8).map(({ payload }) => payload.toString());
    const { written } = adds(ws.counters);
    if (policy === "drop-newest") expect(seen.map(brief)).toEqual(messages.map(brief));
    expect(seen.length).toBe(written);
    // Under "latest" a message has the place of the older one with its key: the order is that of each key.
    const isSame = (key: string) => (text: string) => policy !== "latest" || keyOf(text) === key;
    for (const key of KEYS) expectInOrder(seen.filter(isSame(key)), messages.filter(isSame(key)));
    client.write(masked(0x88, closeBody(1000)));
    client.socket.end();
  }
}

/** Expects that the texts were all sent, in this order, and each once. */
function expectInOrder(seen: readonly string[], sent: readonly string[]): void {
  let at = 0;
  for (const text of seen) {
    while (at < sent.length && sent[at] !== text) at++;
    expect(at, `${brief(text)} in order`).toBeLessThan(sent.length);
    at++;
  }
}

function brief(text: string): string {
  return `${text.length} ${text.slice(0, 40)}`;
}

describe.each(["kept", "one-shot"] as const)("with zlib's handles %s", (way) => {
  describe.each([
    ["no context takeover", { threshold: 0 }],
    ["a pool", { threshold: 10, contextTakeover: { pool: 4 } }],
    ["a pool that is too small", { contextTakeover: { pool: 1 }, windowBits: 15, level: 9 }],
  ] as const)("%s", (_which, compression) => {
    test.each(["drop-newest", "drop-oldest", "latest", "terminate"] as const)(
      "each client sees what was sent to it and not dropped, in order: %s",
      async (policy) => {
        setZlibWay(way);
        onTestFinished(() => setZlibWay(undefined));
        for (let seed = 1; seed <= 2; seed++) await play(seed, compression, policy);
      },
    );
  });
});
