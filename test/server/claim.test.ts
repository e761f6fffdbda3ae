import { expect, test } from "vitest";
import { claim, isClaimed, isTaken } from "../../src/server/claim.ts";
import { Wire } from "../support/wire.ts";

test("a socket is taken once, and stays taken", () => {
  const socket = new Wire();
  expect([isTaken(socket), isClaimed(socket)]).toEqual([false, false]);
  expect([claim(socket), claim(socket)]).toEqual([true, false]);
  expect([isTaken(socket), isClaimed(socket)]).toEqual([true, true]);
});

test.each([
  ["somebody reads", (socket: Wire) => socket.on("data", () => undefined)],
  ["somebody looks for what can be read", (socket: Wire) => socket.on("readable", () => undefined)],
  ["was ended", (socket: Wire) => socket.end()],
  ["was destroyed", (socket: Wire) => socket.destroy()],
])("a socket that %s is claimed, but not taken by us", (_what, happens) => {
  const socket = new Wire();
  happens(socket);
  expect([isTaken(socket), isClaimed(socket)]).toEqual([false, true]);
});
