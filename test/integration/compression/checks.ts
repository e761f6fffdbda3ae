import { describe, expect, onTestFinished, test } from "vitest";
import type { Client, Content, Peer } from "../clients/client.ts";
import { binary, seen, sizeOf, text } from "../clients/content.ts";
import { type Compressed, type Compression, serveCompressed } from "./serve.ts";
import type { Tap } from "./tap.ts";

/** The window of a server without options (docs/reference.md). */
const DEFAULT_WINDOW_BITS = 12;

/** Messages of this many bytes and more are compressed by the server, and by most clients. Shorter ones may be plain. */
export const LONG = 1000;

/** Messages of 0, 1, 125, 1,000, 65,536 and 300,000 bytes. */
export const TEXTS = [
  text(""),
  text("a"),
  text("hello", 25),
  text("Grüße, 世界 😀", 50),
  text("abcd", 16_384),
  text("order ", 50_000),
];
export const BINARIES = [
  binary(""),
  binary("ff"),
  binary("0001020304", 25),
  binary("00ff", 500),
  binary("deadbeef", 16_384),
  binary("000102030405", 50_000),
];

/** What a client does by itself. */
export interface Habits {
  /** The extensions that it offers. */
  readonly offers: string;
  /** Messages of this many bytes and more are compressed. `Infinity`: it only understands compressed messages. */
  readonly compressesFrom: number;
  /** Whether it can send a message in fragments. */
  readonly fragments: boolean;
}

/** Servers without and with context takeover. The pool has one deflater for two connections. */
const servers: readonly (readonly [what: string, compression: Compression])[] = [
  ["without context takeover", true],
  ["with context takeover", { contextTakeover: { pool: 1 } }],
];

/** Makes the tests of one client. */
export function runCompression(client: () => Client, { offers, compressesFrom, fragments }: Habits): void {
  describe.each(servers)("a server %s", (_what, compression) => {
    test("both agree to compress, and ws.extensions is what they have agreed on", async () => {
      const { served } = await connected(client(), compression);
      const [{ offered, agreed } = { offered: "", agreed: "" }] = served.wire;
      expect(offered).toBe(offers);
      expect(agreed).toBe(agreement(offers, compression));
      expect(served.extensions).toEqual([agreed]);
    });

    test("texts and binaries of all lengths come back, and both directions are compressed", async () => {
      const { served, peer } = await connected(client(), compression);
      const contents = [...TEXTS, ...BINARIES, ...TEXTS];
      await expectEchoes(served, 0, peer, contents);
      const { fromClient, fromServer } = served.wire[0]!;
      expectCompressed(fromServer, contents);
      expectCompressed(fromClient, contents, compressesFrom);
    });

    test("two connections by turns", async () => {
      const { served, peer } = await connected(client(), compression);
      const other = await client().open(served.url);
      onTestFinished(() => other.dispose());
      for (let turn = 0; turn < 3; turn++) {
        for (const one of [peer, other]) {
          const content = text(`in turn ${String(turn)}, `, 100);
          await one.send(content);
          expect(await one.received(1)).toEqual([seen(content)]);
        }
      }
      for (const { fromServer } of served.wire) {
        expect(fromServer.messages.map(({ compressed }) => compressed)).toEqual([true, true, true]);
      }
    });

    if (!fragments) return;
    test("a compressed message may be sent in fragments, with pings between them", async () => {
      const { served, peer } = await connected(client(), compression);
      const part = text("a part of a message ", 100);
      await peer.fragments([part, part, part], true);
      expect(await peer.received(1)).toEqual([seen(text("a part of a message ", 300))]);
      const [message] = served.wire[0]!.fromClient.messages;
      expect(message?.compressed).toBe(true);
      // Python's websockets adds an empty one.
      expect(message!.frames).toBeGreaterThanOrEqual(3);
      expect(message!.bytes).toBeLessThan(1000);
    });
  });
}

/** What a server with this option agrees to. */
export function agreement(offer: string, compression: Compression): string {
  const { contextTakeover = false, windowBits = DEFAULT_WINDOW_BITS } =
    typeof compression === "object" ? compression : {};
  const fresh = contextTakeover === false || offer.includes("server_no_context_takeover");
  const bits = /server_max_window_bits=(\d+)/.exec(offer)?.[1];
  return [
    "permessage-deflate",
    ...(fresh ? ["server_no_context_takeover"] : []),
    "client_no_context_takeover",
    ...(bits === undefined ? [] : [`server_max_window_bits=${String(Math.min(Number(bits), windowBits))}`]),
  ].join("; ");
}

/** Connects a client to a server that compresses. */
export async function connected(
  client: Client,
  compression: Compression,
): Promise<{ readonly served: Compressed; readonly peer: Peer }> {
  const served = await serveCompressed(compression);
  const peer = await client.open(served.url);
  onTestFinished(() => peer.dispose());
  return { served, peer };
}

/** Sends the messages on connection `number`, and expects them back. The server has heard the same. */
export async function expectEchoes(
  { recorders }: Compressed,
  number: number,
  peer: Peer,
  contents: readonly Content[],
): Promise<void> {
  for (const content of contents) await peer.send(content);
  const expected = contents.map(seen);
  expect(await peer.received(contents.length)).toEqual(expected);
  const heard = recorders[number]!.messages.map((data) =>
    seen(typeof data === "string" ? text(data) : binary((data as Buffer).toString("hex"))),
  );
  expect(heard).toEqual(expected);
}

/**
 * Expects that long messages were compressed, and that RSV1 was nowhere else than on the first frames of messages.
 *
 * @param from - the length of a long message; `Infinity`: no message was compressed
 */
export function expectCompressed({ messages, misplaced }: Tap, contents: readonly Content[], from = LONG): void {
  expect(misplaced).toBe(0);
  expect(messages.map(({ opcode }) => opcode)).toEqual(contents.map(({ type }) => (type === "text" ? 1 : 2)));
  if (from === Infinity) expect(messages.some(({ compressed }) => compressed)).toBe(false);
  for (const [index, content] of contents.entries()) {
    if (sizeOf(content) < from) continue;
    const { compressed, bytes } = messages[index]!;
    expect(compressed, seen(content)).toBe(true);
    expect(bytes).toBeLessThan(sizeOf(content) / 2);
  }
}
