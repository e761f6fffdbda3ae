import { once } from "node:events";
import { Duplex } from "node:stream";
import { expect, test } from "vitest";
import { readEarly } from "../../src/server/early-bytes.ts";
import { turn } from "../support/peer.ts";

const stream = (): Duplex => new Duplex({ read: () => {}, write: () => {} });

test("what is read meanwhile is returned, and no listener stays", async () => {
  const socket = stream();
  const before = socket.eventNames();
  const take = readEarly(socket);
  for (const text of ["ab", "cd"]) socket.push(text);
  await turn();
  expect(take().toString()).toBe("abcd");
  expect(socket.eventNames()).toEqual(before);
});

test("at 64 KiB reading pauses", async () => {
  const socket = stream();
  const take = readEarly(socket);
  for (let i = 0; i < 10; i++) socket.push(Buffer.alloc(16_384));
  await turn();
  expect(socket.isPaused()).toBe(true);
  expect(take().length).toBe(65_536);
  expect(socket.readableLength).toBe(6 * 16_384);
});

test("the end of what the client sends ends the socket", async () => {
  const socket = stream();
  readEarly(socket);
  socket.push(null);
  await once(socket, "close");
  expect(socket.writableFinished).toBe(true);
});
