import { once } from "node:events";
import { Readable } from "node:stream";
import { array, assert, asyncProperty, boolean, constantFrom, integer, record, uint8Array } from "fast-check";
import type { WSMessageStartEvent, WebSocketConnection, WSMessageEvent } from "hawser";
import { WebSocketServer } from "hawser";
import { describe, expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { portOf } from "../support/peer.ts";
import { onEachTransport, ownPort, wsOptions } from "../support/transport.ts";

/** A source, cut into pieces; `pauses` says after which of them the source waits. */
const cut = record({
  pieces: array(uint8Array({ maxLength: 300 }), { maxLength: 30 }),
  large: constantFrom(0, 0, 70_000, 200_000),
  pauses: array(boolean(), { maxLength: 30 }),
});
type Cut = typeof cut extends { generate(...args: never[]): { value: infer V } } ? V : never;

function piecesOf({ pieces, large }: Cut): Uint8Array[] {
  return large === 0 ? pieces : [...pieces, new Uint8Array(large).fill(7), ...pieces];
}

async function* source(of: Cut): AsyncGenerator<Uint8Array> {
  for (const [i, piece] of piecesOf(of).entries()) {
    if (of.pauses[i] === true) await new Promise((resolve) => setImmediate(resolve));
    yield piece;
  }
}

/** Answers each message with what it has read of it as a stream, as a stream. */
class Mirror {
  /** What the next messages are sent from. */
  readonly sources: AsyncIterable<unknown>[] = [];

  async onMessageStart(ws: WebSocketConnection, event: WSMessageStartEvent): Promise<void> {
    if (event.isText) return;
    const chunks: Uint8Array[] = [];
    for await (const chunk of event.stream) chunks.push(chunk);
    ws.send(Buffer.concat(chunks));
  }

  onMessage(ws: WebSocketConnection, _event: WSMessageEvent): void {
    const next = this.sources.shift();
    if (next !== undefined) ws.send(next);
  }
}

/** A server and a client of the package `ws`. */
async function connect(compressed: boolean) {
  const mirror = new Mirror();
  const compression = compressed ? { threshold: 20, contextTakeover: { pool: 4 } } : false;
  const wss = new WebSocketServer({ onConnection: () => mirror }, { ...(await ownPort()), compression });
  const port = await portOf(wss);
  const perMessageDeflate = compressed && { threshold: 0, clientNoContextTakeover: true };
  const ws = new WebSocket(`ws://127.0.0.1:${String(port)}`, { ...wsOptions(), perMessageDeflate });
  await once(ws, "open");
  expect(ws.extensions !== "").toBe(compressed);
  onTestFinished(() => {
    ws.terminate();
    return wss.terminate(0);
  });
  return { mirror, ws };
}

onEachTransport(() => {
  describe.each([
    ["plain", false],
    ["compressed", true],
  ])("any cut of a message gives the same bytes, %s", (_what, compressed) => {
    async function answer(ws: WebSocket): Promise<Buffer> {
      const [data] = (await once(ws, "message")) as [Buffer];
      return data;
    }

    test("from a client, in any fragments and chunks", async () => {
      const { ws } = await connect(compressed);
      await assert(
        asyncProperty(cut, async (of) => {
          const answered = answer(ws);
          for await (const piece of source(of)) ws.send(piece, { fin: false, binary: true });
          ws.send(new Uint8Array(0), { fin: true, binary: true });
          expect((await answered).equals(Buffer.concat(piecesOf(of)))).toBe(true);
        }),
        { numRuns: 40 },
      );
    });

    test.each<[string, (of: Cut) => AsyncIterable<unknown>]>([
      ["an async generator", source],
      ["a Readable", (of) => Readable.from(source(of))],
      ["a ReadableStream", (of) => Readable.toWeb(Readable.from(source(of)))],
    ])("to a client, from %s, and the message after it is whole", async (_from, make) => {
      const { mirror, ws } = await connect(compressed);
      await assert(
        asyncProperty(cut, async (of) => {
          mirror.sources.push(make(of), Readable.from(["after"]));
          const both: Buffer[] = [];
          const received = new Promise<void>((resolve) => {
            const listener = (data: Buffer): void => {
              if (both.push(data) < 2) return;
              ws.off("message", listener);
              resolve();
            };
            ws.on("message", listener);
          });
          ws.send("one");
          ws.send("two");
          await received;
          expect(both[0]?.equals(Buffer.concat(piecesOf(of)))).toBe(true);
          expect(both[1]?.toString()).toBe("after");
        }),
        { numRuns: 25 },
      );
    });

    test("to a client, as a text that is cut inside its characters", async () => {
      const { mirror, ws } = await connect(compressed);
      const units = array(constantFrom("a", "é", "€", "😀", "x".repeat(100)), { minLength: 1, maxLength: 40 });
      await assert(
        asyncProperty(units, array(integer({ min: 0, max: 300 }), { maxLength: 8 }), async (parts, cuts) => {
          const text = parts.join("");
          const at = [0, ...cuts.filter((one) => one < text.length).sort((a, b) => a - b), text.length];
          mirror.sources.push(Readable.from(at.slice(1).map((end, i) => text.slice(at[i], end))));
          const answered = once(ws, "message") as Promise<[Buffer, boolean]>;
          ws.send("go");
          const [data, isBinary] = await answered;
          expect([data.toString(), isBinary]).toEqual([text, false]);
        }),
        { numRuns: 40 },
      );
    });
  });
});
