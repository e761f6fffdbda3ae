import { EventEmitter } from "node:events";
import { type ServerResponse, createServer } from "node:http";
import type { Duplex } from "node:stream";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import {
  destroyFailed,
  isOurs,
  markClaimed,
  markOurs,
  refuseAfterPendingAnswers,
  isInUse,
  isClaimed,
  listenersOf,
  readersOf,
} from "../../src/server/claimed-socket.ts";
import { HeldSockets } from "../../src/server/held-sockets.ts";
import { fill, utf8 } from "../support/bytes.ts";
import { portOf, until } from "../support/peer.ts";
import { RawClient, handshake } from "../support/raw-client.ts";
import { Wire, turns } from "../support/wire.ts";

test("a socket is taken once, and stays taken", () => {
  const socket = new Wire();
  expect([isClaimed(socket), isInUse(socket)]).toEqual([false, false]);
  expect(isClaimed(socket)).toBe(false);
  markClaimed(socket);
  expect([isClaimed(socket), isInUse(socket)]).toEqual([true, true]);
});

test.each([
  ["was ended", (socket: Wire) => socket.end()],
  ["was destroyed", (socket: Wire) => socket.destroy()],
])("a socket that %s is taken, but not by us", (_what, happens) => {
  const socket = new Wire();
  happens(socket);
  expect([isClaimed(socket), isInUse(socket)]).toEqual([false, true]);
});

test("the library's own listeners do not count", () => {
  const socket = new Wire();
  const before = listenersOf(socket);
  const mine = (): void => undefined;
  socket.on("close", mine).on("error", destroyFailed);
  expect([isOurs(mine), isOurs(destroyFailed), listenersOf(socket) - before]).toEqual([false, true, 1]);
  expect([markOurs(mine), isOurs(mine), listenersOf(socket) - before]).toEqual([mine, true, 0]);
});

test("who only reads a socket may count its bytes: that is no proof", () => {
  const socket = new Wire();
  const before = listenersOf(socket);
  socket.on("data", () => undefined).on("readable", () => undefined);
  expect([isInUse(socket), readersOf(socket), listenersOf(socket) - before]).toEqual([false, 2, 2]);
});

const held = new HeldSockets(
  { maxHandshakes: Infinity, limitCounters: { maxHandshakes: 0, handshakeTimeout: 0 } },
  new Set(),
);
const linger = (socket: Duplex): void => held.linger(socket, "");

describe("a handshake after an unanswered request", () => {
  // Only the timer of one second for reading the response is fake, not the sockets.
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  /** A socket that waits for a response. The test writes it. */
  function waiting() {
    const answer = new EventEmitter();
    const socket = Object.assign(new Wire(), { _httpMessage: answer });
    expect(refuseAfterPendingAnswers(socket, "GET", linger)).toBe(true);
    return { socket, answered: () => answer.emit("close") };
  }

  test.each([undefined, null])(
    "there is no such request when Node keeps %o: nothing is done to the socket",
    (answer) => {
      const socket = Object.assign(new Wire(), { _httpMessage: answer });
      expect(refuseAfterPendingAnswers(socket, "GET", linger)).toBe(false);
      expect(socket.eventNames()).toEqual(new Wire().eventNames());
      expect(socket.readableFlowing).toBeNull();
      expect(refuseAfterPendingAnswers(new Wire(), "GET", linger)).toBe(false);
    },
  );

  test("is not accepted, and the socket is ended after that response", async () => {
    const { socket, answered } = waiting();
    await turns();
    expect([socket.ended, socket.destroyed]).toEqual([false, false]);
    socket.write(utf8("answer"));
    answered();
    await turns();
    expect([socket.ended, socket.destroyed]).toEqual([true, false]);
    expect(socket.taken.latin1Slice(0, 6)).toBe("answer");
  });

  test("destroys the socket when the client disconnects before the response", async () => {
    const { socket, answered } = waiting();
    socket.arriveEnd();
    await turns();
    expect(socket.destroyed).toBe(true);
    // A response now has no receiver.
    answered();
    await turns();
    expect([socket.errored, vi.getTimerCount()]).toEqual([null, 0]);
  });

  test("discards later bytes of the client, so that its end is seen", async () => {
    const { socket } = waiting();
    for (let i = 0; i < 100; i++) socket.arrive(fill(0, 10_000));
    socket.arriveEnd();
    await turns();
    expect(socket.destroyed).toBe(true);
  });

  test("destroys the socket when the client disconnects after the response, and leaves no timer", async () => {
    const { socket, answered } = waiting();
    answered();
    await turns();
    expect(vi.getTimerCount()).toBe(1);
    socket.arriveEnd();
    await turns();
    expect([socket.destroyed, vi.getTimerCount()]).toEqual([true, 0]);
  });

  test("destroys the socket a second after the response when the client stays", async () => {
    const { socket, answered } = waiting();
    vi.advanceTimersByTime(10_000);
    expect(socket.destroyed).toBe(false);
    answered();
    await turns();
    vi.advanceTimersByTime(999);
    expect(socket.destroyed).toBe(false);
    vi.advanceTimersByTime(1);
    expect(socket.destroyed).toBe(true);
    await turns();
    expect(vi.getTimerCount()).toBe(0);
  });

  test("leaves no timer when the socket fails after the response", async () => {
    const { socket, answered } = waiting();
    socket.on("error", () => undefined);
    answered();
    socket.reset();
    await turns();
    expect([socket.destroyed, vi.getTimerCount()]).toEqual([true, 0]);
  });
});

test("a client that disconnects before its first response leaves no socket open", async () => {
  const answers: ServerResponse[] = [];
  const sockets: Duplex[] = [];
  const server = createServer((_request, response) => answers.push(response));
  server.on("upgrade", (_request, socket) => {
    sockets.push(socket);
    expect(refuseAfterPendingAnswers(socket, "GET", linger)).toBe(true);
  });
  onTestFinished(() => {
    server.closeAllConnections();
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  server.listen(0, "127.0.0.1");
  const client = await RawClient.connect(await portOf(server));
  client.write(`GET / HTTP/1.1\r\nHost: x\r\n\r\n${handshake()}`);
  await until(() => sockets.length === 1 && answers.length === 1);
  expect(sockets[0]?.destroyed).toBe(false);
  client.socket.end();
  await until(() => sockets[0]?.destroyed === true);
  expect((await client.rest()).length).toBe(0);
});

test("a client that stays gets the first response, then the refusal and the end", async () => {
  const answers: ServerResponse[] = [];
  const sockets: Duplex[] = [];
  const server = createServer((_request, response) => answers.push(response));
  server.on("upgrade", (_request, socket) => {
    refuseAfterPendingAnswers(socket, "GET", linger);
    sockets.push(socket);
  });
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  server.listen(0, "127.0.0.1");
  const client = await RawClient.connect(await portOf(server));
  client.write(`GET / HTTP/1.1\r\nHost: x\r\n\r\n${handshake()}`);
  await until(() => sockets.length === 1 && answers.length === 1);
  answers[0]?.end("mine");
  const { status, body } = await client.response();
  expect([status, body]).toEqual([200, "mine"]);
  expect((await client.response()).status).toBe(400);
  expect((await client.rest()).length).toBe(0);
});
