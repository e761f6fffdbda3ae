import { once } from "node:events";
import { Duplex } from "node:stream";
import { expect, test } from "vitest";
import { Random } from "../../fuzz/engine/random.ts";
import { joinWhatWaits } from "../../src/handshake/http2-joined-chunks.ts";
import { answerTo, streamPair } from "../support/http2-client.ts";

test("chunks of one byte that wait are joined, and all of them arrive", async () => {
  const stream = new Duplex({ read: () => undefined });
  joinWhatWaits(stream);
  const sent = Buffer.from(Array.from({ length: 10_000 }, (_, i) => i & 0xff));
  for (const byte of sent) expect(stream.push(Buffer.of(byte))).toBe(false);
  const large = Buffer.alloc(5000, "x");
  stream.push(large);
  stream.push(null);
  const received: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => received.push(chunk));
  await once(stream, "end");
  expect(received.map(({ length }) => length)).toEqual([4096, 4096, 1808, 5000]);
  expect(Buffer.concat(received).equals(Buffer.concat([sent, large]))).toBe(true);
});

test("what waits gives the peer no more window", async () => {
  const { client, server } = await streamPair();
  joinWhatWaits(server);
  server.respond({ ":status": 200 });
  await answerTo(client);
  const more = Buffer.alloc(100, "x");
  for (let i = 0; i < 5000; i++) client.write(more);
  await new Promise((resolve) => setTimeout(resolve, 300));
  // A window of 65,535 bytes, and what Node reads ahead.
  expect(server.readableLength).toBeLessThan(65_535 + 2 * 65_536);
  expect(client.writableLength).toBeGreaterThan(200_000);
});

test.each([1, 2, 3])(
  "chunks of any size arrive in order, whenever reading stops and goes on: seed %d",
  async (seed) => {
    const { client, server } = await streamPair();
    joinWhatWaits(server);
    server.respond({ ":status": 200 });
    await answerTo(client);
    const random = new Random(seed);
    const sent: Buffer[] = [];
    for (let i = 0; i < 1500; i++) {
      const size = 1 + random.below(random.below(10) === 0 ? 20_000 : 50);
      sent.push(Buffer.alloc(size, String.fromCharCode(97 + random.below(26))));
    }
    const received: Buffer[] = [];
    server.on("data", (chunk: Buffer) => {
      received.push(chunk);
      if (random.below(4) > 0) return;
      server.pause();
      const later = (): void => void server.resume();
      if (random.below(2) === 0) setImmediate(later);
      else if (random.below(2) === 0) setTimeout(later, random.below(4));
      else process.nextTick(later);
    });
    const end = once(server, "end");
    for (const chunk of sent) {
      if (!client.write(chunk)) await once(client, "drain");
      if (random.below(20) === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    client.end();
    await end;
    expect(Buffer.concat(received).equals(Buffer.concat(sent))).toBe(true);
  },
);
