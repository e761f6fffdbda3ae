import { WebSocketServer, type SubscribeOptions, type Subscription, type WebSocketConnection } from "hawser";
import { expect, onTestFinished, test, vi } from "vitest";
import { Peer, portOf, turn, until } from "../support/peer.ts";
import { framed } from "../support/topic-frame.ts";

type Client = WebSocketConnection<Member>;

class Member {
  readonly gaps: unknown[] = [];
  readonly calls: string[] = [];

  onMessage(): void {
    // It only gets messages.
  }

  onGap(_ws: unknown, event: object): void {
    this.gaps.push(event);
  }

  onTerminate(): void {
    this.calls.push("terminate");
  }
}

interface Joined {
  readonly peer: Peer;
  readonly ws: Client;
  readonly subscription: Promise<Subscription>;
}

async function chat(options: object = {}, onError = vi.fn()) {
  const wss = new WebSocketServer(
    { onConnection: () => new Member(), onError },
    { port: 0, host: "127.0.0.1", history: { "chat:*": { size: 5 }, log: { size: 1_000 } }, ...options },
  );
  onTestFinished(() => wss.terminate(0));
  const port = await portOf(wss);
  async function join(topic: string, subscribe: SubscribeOptions = {}): Promise<Joined> {
    const peer = await Peer.open(port);
    const ws = wss.connections.at(-1)! as unknown as Client;
    return { peer, ws, subscription: ws.subscribe(topic, subscribe) };
  }
  return { wss, join, onError, port };
}

/** Waits until a client has got a text. */
async function gets(peer: Peer, last: string): Promise<string[]> {
  await until(() => peer.messages.length > 0 && String(peer.messages.at(-1)).endsWith(last));
  return peer.messages.map(String);
}

test("publish resolves with a position and a number without holes", async () => {
  const { wss } = await chat();
  const first = await wss.publish("chat:1", "a");
  const second = await wss.publish("chat:1", "b");
  expect([first.offset, second.offset, second.duplicate]).toEqual([1, 2, false]);
  expect(second.position).toMatch(/^[\w-]{8}\.2\.[\w-]{16}$/);
  expect(await wss.position("chat:1")).toBe(second.position);
  expect(await wss.publish("plain", "c")).toEqual({ position: undefined, offset: undefined, duplicate: false });
});

test("a second message with the same id is a duplicate: it is stored once", async () => {
  const { wss, join } = await chat();
  await wss.publish("chat:1", "a", { id: "my name" });
  expect(await wss.publish("chat:1", "a", { id: "my name" })).toEqual({
    position: undefined,
    offset: 1,
    duplicate: true,
  });
  const { peer } = await join("chat:1", { last: 5 });
  await wss.publish("chat:1", "b");
  expect(await gets(peer, "b")).toEqual(["a", "b"]);
});

test("the newest messages come first, then those that are published: texts and bytes as they were", async () => {
  const { wss, join } = await chat();
  for (const text of ["a", "", "ü\u0000😀"]) await wss.publish("chat:1", text);
  await wss.publish("chat:1", new Uint8Array([1, 2, 0x1e]));
  await wss.publish("chat:1", { n: 1 });
  const { peer, subscription } = await join("chat:1", { last: 4 });
  expect(await subscription).toMatchObject({
    topic: "chat:1",
    recovered: undefined,
    replayed: 4,
    live: true,
    remote: true,
  });
  await wss.publish("chat:1", "end");
  await gets(peer, "end");
  expect(peer.messages).toEqual(["", "ü\u0000😀", Buffer.from([1, 2, 0x1e]), '{"n":1}', "end"]);
});

test("who publishes does not get his own message, and every other one does", async () => {
  const { join, wss } = await chat();
  const [a, b] = [await join("chat:1"), await join("chat:1")];
  await Promise.all([a.subscription, b.subscription]);
  void a.ws.publish("chat:1", "from a");
  void wss.publish("chat:1", "not for b", { except: b.ws });
  void wss.publish("chat:1", "end");
  expect(await gets(a.peer, "end")).toEqual(["not for b", "end"]);
  expect(await gets(b.peer, "end")).toEqual(["from a", "end"]);
});

test("since: what was missed comes, in order, each once, and the client is told that nothing is missing", async () => {
  const { wss, join } = await chat();
  const first = await join("chat:1", { framing: "header" });
  for (const text of ["a", "b"]) await wss.publish("chat:1", text);
  const seen = framed((await gets(first.peer, "b")).at(-1)!);
  expect(seen).toMatchObject({ kind: "m", flag: "-", topic: "chat:1", data: "b" });
  first.peer.socket.terminate();
  for (const text of ["c", "d"]) await wss.publish("chat:1", text);
  const again = await join("chat:1", { since: seen.position, framing: "header", last: 5 });
  expect(await again.subscription).toMatchObject({ recovered: true, replayed: 2, live: true, remote: true });
  const got = (await gets(again.peer, "d")).map(framed);
  expect(got.map(({ kind, flag, data }) => [kind, flag, data])).toEqual([
    ["s", "1", ""],
    ["m", "-", "c"],
    ["m", "-", "d"],
  ]);
  expect(got[0]!.position).toBe(seen.position);
});

test("since the newest message, and since the position of an empty topic, is recovered", async () => {
  const { wss, join } = await chat();
  const empty = await wss.position("chat:1");
  expect(await (await join("chat:1", { since: empty })).subscription).toMatchObject({ recovered: true, replayed: 0 });
  const { position } = await wss.publish("chat:1", "a");
  expect(await (await join("chat:1", { since: position! })).subscription).toMatchObject({
    recovered: true,
    replayed: 0,
  });
  expect(await (await join("chat:1", { since: empty })).subscription).toMatchObject({ recovered: true, replayed: 1 });
});

test.each([
  ["trimmed by two", (positions: string[]) => positions[0]!],
  ["of another epoch", (positions: string[]) => positions[7]!.replace(/^.{8}/, "AAAAAAAA")],
  ["above the newest one", (positions: string[]) => positions[7]!.replace(".8.", ".9.")],
  ["with another id", (positions: string[]) => positions[6]!.replace(/.{16}$/, "AAAAAAAAAAAAAAAB")],
  ["that is garbage", () => "garbage"],
  ["that is no text", () => 7 as unknown as string],
  ["that is much too long", () => "x".repeat(1_000_000)],
])("since a position %s is not recovered: the newest messages come, if they are asked for", async (_what, pick) => {
  const { wss, join } = await chat();
  const positions: string[] = [];
  for (let n = 1; n <= 8; n++) positions.push((await wss.publish("chat:1", String(n))).position!);
  const { peer, subscription } = await join("chat:1", { since: pick(positions), last: 2 });
  expect(await subscription).toMatchObject({ recovered: false, replayed: 2, live: true, remote: true });
  expect(await gets(peer, "8")).toEqual(["7", "8"]);
  expect(wss.counters.history).toMatchObject({ unrecovered: 1, recovered: 0 });
});

test("since the message before the oldest one that is kept is recovered", async () => {
  const { wss, join } = await chat();
  const positions: string[] = [];
  for (let n = 1; n <= 8; n++) positions.push((await wss.publish("chat:1", String(n))).position!);
  const { subscription } = await join("chat:1", { since: positions[2]! });
  expect(await subscription).toMatchObject({ recovered: true, replayed: 5 });
});

test("joining while messages are published, 50 times: no gap, no double", async () => {
  const { wss, join } = await chat();
  let published = 0;
  let isOver = false;
  const publish = (): void => {
    if (isOver) return;
    for (let n = 0; n < 3; n++) void wss.publish("log", String(++published));
    setImmediate(publish);
  };
  publish();
  const all: Joined[] = [];
  for (let n = 0; n < 50; n++) all.push(await join("log", { last: n }));
  isOver = true;
  await turn();
  await wss.publish("log", String(++published));
  for (const { peer, subscription } of all) {
    expect(await subscription).toMatchObject({ live: true, remote: true });
    const numbers = (await gets(peer, String(published))).map(Number);
    expect(numbers.every((number, index) => index === 0 || number === numbers[index - 1]! + 1)).toBe(true);
  }
});

test("a client that does not read loses nothing, and keeps no more than highWaterMark; others go on", async () => {
  const { wss, join } = await chat({ highWaterMark: 100_000, maxSendQueue: 200_000, sendQueuePolicy: "drop-oldest" });
  const [slow, fast] = [await join("log"), await join("log")];
  await Promise.all([slow.subscription, fast.subscription]);
  slow.peer.socket.pause();
  let most = 0;
  for (let n = 1; n <= 900; n++) {
    await wss.publish("log", `${String(n)} ${"x".repeat(20_000)}`);
    // Other messages of the application compete for the space.
    slow.ws.send("other");
    if (n % 20 === 0) await turn();
    most = Math.max(most, slow.ws.bufferedAmount);
  }
  await until(() => fast.peer.messages.length === 900);
  expect(most).toBeLessThan(250_000);
  expect(wss.counters.history.catchUps).toBeGreaterThan(0);
  slow.peer.socket.resume();
  const numbers = (): number[] =>
    slow.peer.messages.map((text) => Number.parseInt(String(text), 10)).filter((n) => n > 0);
  await until(() => numbers().at(-1) === 900);
  expect(numbers()).toEqual(Array.from({ length: 900 }, (_, index) => index + 1));
  await wss.publish("log", "901 live again");
  await until(() => numbers().at(-1) === 901);
  expect(slow.ws.handler.gaps).toEqual([]);
});

test("if the history rolls over a slow client, it is told in order, and goes on with the oldest message", async () => {
  const { wss, join } = await chat({ highWaterMark: 50_000, history: { log: { size: 10 } } });
  const slow = await join("log", { framing: "header" });
  await slow.subscription;
  slow.peer.socket.pause();
  for (let n = 1; n <= 600; n++) {
    await wss.publish("log", `${String(n)} ${"x".repeat(20_000)}`);
    if (n % 20 === 0) await turn();
  }
  slow.peer.socket.resume();
  await until(() => String(slow.peer.messages.at(-1)).includes("\n600 "));
  const got = slow.peer.messages.map((text) => framed(String(text)));
  const numbers = got.map(({ data }) => Number.parseInt(data, 10));
  expect(got.filter(({ kind }) => kind === "g").length).toBeGreaterThan(0);
  // Without a gap before it, each message is the next one; after a gap it is a later one.
  for (const [index, { kind, flag }] of got.entries()) {
    if (kind === "g") expect(flag).toBe("trimmed");
    else if (got[index - 1]?.kind === "m") expect(numbers[index]).toBe(numbers[index - 1]! + 1);
    else if (index > 1) expect(numbers[index]).toBeGreaterThan(numbers[index - 2]! + 1);
  }
  expect(numbers.slice(-10)).toEqual(Array.from({ length: 10 }, (_, index) => 591 + index));
  const told = got.filter(({ kind }) => kind === "g").map(({ position }) => position);
  expect(slow.ws.handler.gaps).toEqual(
    told.map((position) => ({ type: "gap", topic: "log", reason: "trimmed", position })),
  );
  expect(wss.counters.history.gaps).toEqual({ reset: 0, fork: 0, trimmed: told.length });
});

test("a connection that is closed has left before onTerminate; a join under way ends with live: false", async () => {
  const { wss, join } = await chat({ highWaterMark: 10_000 });
  for (let n = 0; n < 500; n++) await wss.publish("log", "x".repeat(20_000));
  const { ws, subscription, peer } = await join("log", { last: 500 });
  peer.socket.pause();
  await turn();
  expect([...ws.topics]).toEqual(["log"]);
  ws.destroy();
  expect(await subscription).toMatchObject({ live: false, remote: true });
  await until(() => ws.handler.calls.length === 1);
  expect([...ws.topics]).toEqual([]);
  expect(await ws.subscribe("log")).toEqual({
    topic: "log",
    position: undefined,
    recovered: undefined,
    replayed: 0,
    live: false,
    remote: true,
  });
  expect(wss.subscribers("log").length).toBe(0);
});

test("unsubscribe ends a join, and another one may begin; a second subscribe is the first one", async () => {
  const { wss, join } = await chat();
  await wss.publish("chat:1", "a");
  const { ws, subscription, peer } = await join("chat:1", { last: 1 });
  const second = ws.subscribe("chat:1", { last: 5 });
  expect(ws.unsubscribe("chat:1")).toBe(true);
  expect(await second).toMatchObject({ live: false, remote: true });
  expect(await second).toEqual(await subscription);
  expect(await ws.subscribe("chat:1")).toMatchObject({ live: true, replayed: 0 });
  expect(await ws.subscribe("chat:1", { last: 1 })).toMatchObject({ live: true, replayed: 0 });
  await wss.publish("chat:1", "b");
  expect(await gets(peer, "b")).toEqual(["b"]);
});

test("a topic without history has header lines too, without positions", async () => {
  const { wss, join } = await chat();
  const [plain, headed] = [await join("news today"), await join("news today", { framing: "header", since: "x" })];
  expect(await headed.subscription).toEqual({
    topic: "news today",
    position: undefined,
    recovered: false,
    replayed: 0,
    live: true,
    remote: true,
  });
  void wss.publish("news today", "text");
  void wss.publish("news today", new Uint8Array([7]), { except: plain.ws });
  void wss.publish("news today", "end");
  expect(await gets(plain.peer, "end")).toEqual(["text", "end"]);
  await gets(headed.peer, "end");
  expect(headed.peer.messages).toEqual([
    "\x1es - 0 news today\n",
    "\x1em - - news today\ntext",
    Buffer.concat([Buffer.from("\x1em - - news today\n"), Buffer.of(7)]),
    "\x1em - - news today\nend",
  ]);
});

test("with compression, header lines and messages are the same", async () => {
  const { wss, join } = await chat({ compression: { threshold: 0 } });
  const { peer } = await join("chat:1", { framing: "header" });
  const text = "text ".repeat(1_000);
  await wss.publish("chat:1", text);
  await wss.publish("chat:1", "end", { compress: false });
  const got = (await gets(peer, "end")).map(framed);
  expect(got.map(({ data }) => data)).toEqual(["", text, "end"]);
});

test.each<[string, () => readonly [string, unknown]]>([
  ["an id for a topic without history", () => ["publish: id: the topic", { id: "x" }]],
  ["an id that is no text", () => ["publish: id: expected a string", { id: 7 }]],
  ["an id that is empty", () => ["publish: id: expected 1 to 128 bytes", { id: "" }]],
  ["an id that is too long", () => ["publish: id: expected 1 to 128 bytes of UTF-8, got 129", { id: "x".repeat(129) }]],
])("publish refuses %s", async (_what, given) => {
  const { wss } = await chat();
  const [text, options] = given();
  expect(() => wss.publish("plain", "a", options as object)).toThrow(text);
});

test.each<[string, unknown]>([
  ["subscribe: last: expected a number", { last: "7" }],
  ["subscribe: last: expected an integer from 0 on, got -1", { last: -1 }],
  ["subscribe: last: expected an integer from 0 on, got 1.5", { last: 1.5 }],
  ["subscribe: framing", { framing: "json" }],
  ['subscribe: there is no option "sinse": did you mean since?', { sinse: "x" }],
])("subscribe refuses: %s", async (text, options) => {
  const { join } = await chat();
  const { ws } = await join("chat:1");
  expect(() => ws.subscribe("chat:2", options as SubscribeOptions)).toThrow(text);
});

test("a message of a topic with history is at most maxMessageSize", async () => {
  const { wss } = await chat({ maxMessageSize: 10 });
  expect(() => wss.publish("chat:1", "x".repeat(11))).toThrow("publish: message: expected at most 10 bytes, got 11");
  expect(await wss.publish("chat:1", "x".repeat(10))).toMatchObject({ offset: 1 });
});

test("a topic without history has no position", async () => {
  const { wss } = await chat();
  expect(() => wss.position("plain")).toThrow('the topic "plain" has no history');
});

test("after the end of the server, publish rejects; that is counted, and neither warns nor ends the process", async () => {
  const { wss } = await chat();
  await wss.terminate(0);
  const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
  onTestFinished(() => warn.mockRestore());
  void wss.publish("chat:1", "late");
  await expect(wss.publish("chat:1", "late")).rejects.toMatchObject({ code: "HWS_BACKPLANE_AWAY" });
  expect(warn).not.toHaveBeenCalled();
  expect(wss.counters.history).toMatchObject({ published: 2, stored: 0, failed: 2 });
  expect(wss.backplane.counters.failures.publish).toBe(2);
});
