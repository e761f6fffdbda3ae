import { once } from "node:events";
import { expect, test } from "vitest";
import { PIECE, isLargeWrite, writeInPieces } from "../../../src/connection/transport/large-writes.ts";
import { fill } from "../../support/bytes.ts";
import { streamPair } from "../../support/http2-client.ts";
import { until } from "../../support/peer.ts";
import { Wire } from "../../support/wire.ts";

test("only a stream of HTTP/2 gets a write in pieces, and only a large one", async () => {
  const { server } = await streamPair();
  expect([isLargeWrite(server, PIECE), isLargeWrite(server, PIECE + 1)]).toEqual([false, true]);
  expect(isLargeWrite(new Wire(), PIECE + 1)).toBe(false);
  // Somebody else has given it one.
  Object.assign(server, { _writev: () => undefined });
  expect(isLargeWrite(server, PIECE + 1)).toBe(false);
});

test("what a stream has taken of large writes can be seen, and all bytes come in order", async () => {
  const { client, server } = await streamPair();
  server.respond({ ":status": 200 });
  const parts = [fill(1, 10), fill(2, 3 * PIECE), fill(3, 10), fill(4, 2 * PIECE + 1), fill(5, 10)];
  const sizes = new Set<number>();
  let taken = 0;
  server.cork();
  for (const part of parts) {
    if (isLargeWrite(server, part.length)) expect(writeInPieces(server, part, () => taken++)).toBe(false);
    else server.write(part);
  }
  server.uncork();
  const received: Buffer[] = [];
  client.on("data", (chunk: Buffer) => {
    received.push(chunk);
    sizes.add(server.writableLength);
  });
  await until(() => taken === 2 && server.writableLength === 0);
  expect(sizes.size).toBeGreaterThan(4);
  expect(Object.hasOwn(server, "_writev")).toBe(false);
  server.end();
  await once(client, "end");
  expect(Buffer.concat(received).equals(Buffer.concat(parts))).toBe(true);
});

test("a stream that fails says so for each write that it has not taken", async () => {
  const { server } = await streamPair();
  server.respond({ ":status": 200 });
  let taken = 0;
  for (let i = 0; i < 2; i++) writeInPieces(server, fill(i, 4 * PIECE), () => taken++);
  server.destroy();
  await until(() => taken === 2);
  expect(server.destroyed).toBe(true);
});
