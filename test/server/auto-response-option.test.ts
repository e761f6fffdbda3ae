import { InvalidArgumentError, OutOfRangeError, WebSocketServer, type WebSocketServerOptions } from "hawser";
import { describe, expect, onTestFinished, test } from "vitest";
import { WebSocket as WsClient } from "ws";
import { readAutoResponse } from "../../src/server/auto-response-option.ts";
import { startServer } from "../support/live-server.ts";
import { Peer, until } from "../support/peer.ts";
import { RawClient, closeBody, masked } from "../support/raw-client.ts";

const autoResponse = { request: "ping", response: "pong" };

describe("reading the option", () => {
  test("both texts may have 125 bytes, whatever their characters", () => {
    const text = "é".repeat(62) + "x";
    expect(readAutoResponse({ request: text, response: text })?.request).toBe(text);
    expect(readAutoResponse(undefined)).toBeUndefined();
  });

  test.each([
    [null, 'autoResponse: expected an object like { request: "ping", response: "pong" }, got null'],
    ["ping", 'autoResponse: expected an object like { request: "ping", response: "pong" }, got a string'],
    [{ request: "ping" }, "autoResponse: response: expected a text, got undefined"],
    [{ request: "", response: "pong" }, "autoResponse: request: expected a text, got an empty one"],
    [{ request: "ping", response: 1 }, "autoResponse: response: expected a text, got a number"],
    [{ request: "\ud800", response: "pong" }, "autoResponse: request: it has a lone surrogate"],
    [{ ...autoResponse, every: 1 }, 'autoResponse: there is no option "every"'],
  ])("refuses %j", (value, message) => {
    const options = { autoResponse: value } as unknown as WebSocketServerOptions;
    expect(() => new WebSocketServer({ onConnection: () => null }, options)).toThrow(new InvalidArgumentError(message));
  });

  test.each(["request", "response"])("refuses a %s of 126 bytes", (name) => {
    const value = { ...autoResponse, [name]: "é".repeat(63) };
    const message = `autoResponse: ${name}: expected at most 125 bytes of UTF-8, got 126`;
    expect(() => readAutoResponse(value)).toThrow(new OutOfRangeError(message));
  });
});

test("requests are answered and counted, closed connections included, and no handler sees them", async () => {
  const { wss, port, recorders } = await startServer({}, { autoResponse });
  const [first, second] = [await Peer.open(port), await Peer.open(port)];
  first.socket.send("ping");
  second.socket.send("ping");
  second.socket.send(Buffer.from("ping"));
  second.socket.send("ping", { binary: false });
  await Promise.all([first.received(1), second.received(2)]);
  first.socket.close();
  await recorders[0]!.over;
  expect([first.messages, second.messages]).toEqual([["pong"], ["pong", "pong"]]);
  expect(recorders.map(({ messages }) => messages)).toEqual([[], [Buffer.from("ping")]]);
  expect(wss.counters).toMatchObject({ autoResponses: 3, messages: { accepted: 3, written: 3 } });
});

test("a request is answered although its client compresses it, and the other texts are delivered", async () => {
  const { wss, port, recorders } = await startServer({}, { autoResponse, compression: true });
  const client = new WsClient(`ws://127.0.0.1:${String(port)}`, { perMessageDeflate: { threshold: 0 } });
  onTestFinished(() => client.terminate());
  const received: string[] = [];
  client.on("message", (data: Buffer) => received.push(data.toString()));
  await new Promise((resolve) => client.once("open", resolve));
  expect(client.extensions).toContain("permessage-deflate");
  const others = ["pin", "pings", "a longer text ".repeat(100), "gnip"];
  for (const text of ["ping", ...others, "ping"]) client.send(text);
  await until(() => received.length === 2 && recorders[0]!.messages.length === others.length);
  expect(received).toEqual(["pong", "pong"]);
  expect(recorders[0]!.messages).toEqual(others);
  expect(wss.counters.autoResponses).toBe(2);
});

describe("rates", () => {
  test("requests above maxMessagesPerSecond close the connection under the policy close", async () => {
    const { wss, port } = await startServer({}, { autoResponse, maxMessagesPerSecond: 3, ratePolicy: "close" });
    const client = await RawClient.open(port);
    client.write(...Array.from({ length: 5 }, () => masked(0x81, "ping")));
    for (let i = 0; i < 3; i++) expect((await client.frame())?.payload.toString()).toBe("pong");
    expect(await client.frame()).toMatchObject({ opcode: 8, payload: closeBody(1008, "rate exceeded") });
    client.socket.end();
    expect(wss.counters).toMatchObject({ autoResponses: 3, limits: { maxMessagesPerSecond: 1 } });
  });

  test("under the policy pause reading pauses, and goes on", async () => {
    const { wss, port, recorders } = await startServer({}, { autoResponse, maxMessagesPerSecond: 20 });
    const client = await RawClient.open(port);
    client.write(...Array.from({ length: 22 }, () => masked(0x81, "ping")));
    for (let i = 0; i < 22; i++) expect((await client.frame())?.payload.toString()).toBe("pong");
    expect(wss.counters.limits.maxMessagesPerSecond).toBeGreaterThan(0);
    client.write(masked(0x81, "after"));
    await until(() => recorders[0]!.messages.length === 1);
    expect(recorders[0]!.messages).toEqual(["after"]);
  });

  test("a flood of requests is bounded in a turn, and every one is answered", async () => {
    const { wss, port } = await startServer({}, { autoResponse });
    const client = await RawClient.open(port);
    const count = 3000;
    client.write(Buffer.concat(Array.from({ length: count }, () => masked(0x81, "ping"))));
    await until(() => wss.counters.autoResponses === count);
    for (let i = 0; i < count; i++) expect((await client.frame())?.payload.toString()).toBe("pong");
  });
});

test('with sendQueuePolicy "latest" an answer does not take the place of a message that waits', async () => {
  const { wss, port } = await startServer({}, { autoResponse, sendQueuePolicy: "latest" });
  const peer = await Peer.open(port);
  peer.socket.pause();
  const ws = wss.connections.at(0)!;
  const large = "x".repeat(64 * 1024);
  while (wss.counters.messages.dropped === 0) ws.send(large);
  ws.send("newest");
  peer.socket.send("ping");
  peer.socket.send("ping");
  await until(() => wss.counters.autoResponses === 2);
  peer.socket.resume();
  await until(() => peer.messages.at(-1) === "pong");
  expect(peer.messages.slice(-2)).toEqual(["newest", "pong"]);
});
