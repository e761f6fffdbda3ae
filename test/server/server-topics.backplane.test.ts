import { type Backplane, type WebSocketConnection, WebSocketServer, memory } from "hawser";
import { type TestClient, connect } from "hawser/testing";
import { expect, onTestFinished, test, vi } from "vitest";
import { isDeepStrictEqual } from "node:util";
import type { DriverHost } from "../../src/backplane/contract.ts";

class Member {
  onMessage(): void {
    // It only gets messages.
  }
}

type Client = WebSocketConnection<Member>;

/** Several servers that one memory joins, with some clients each. */
async function servers(count: number, options = {}, handler = {}, perServer = 1) {
  const backplane = memory();
  const made: { wss: WebSocketServer<{ onConnection(): Member }>; clients: TestClient[]; connections: Client[] }[] = [];
  for (let n = 0; n < count; n++) {
    const wss = new WebSocketServer({ onConnection: () => new Member(), ...handler }, { backplane, ...options });
    onTestFinished(() => wss.terminate(0));
    const clients: TestClient[] = [];
    for (let client = 0; client < perServer; client++) clients.push(await connect(wss));
    made.push({ wss, clients, connections: [...wss.connections] });
  }
  return made as [(typeof made)[0], (typeof made)[0], (typeof made)[0]];
}

/** The next messages of a client. */
async function next(client: TestClient, count: number): Promise<unknown[]> {
  const got = [];
  while (got.length < count) got.push((await client.next()).value);
  return got;
}

test("publish reaches the subscribers of all servers: here in the same turn, in order, texts and bytes", async () => {
  const [a, b] = await servers(2);
  for (const { connections } of [a, b])
    expect(await connections[0]!.subscribe("news")).toMatchObject({ live: true, remote: true });
  await a.wss.publish("news", "1");
  await a.wss.publish("news", new Uint8Array([1, 2]));
  await a.wss.publish("news", { n: 3 });
  await a.wss.publish("nobody", "4");
  await a.wss.publish("news", "5", { except: a.connections[0] });
  expect(await next(b.clients[0]!, 4)).toEqual(["1", Buffer.from([1, 2]), '{"n":3}', "5"]);
  await b.wss.publish("news", "6");
  expect(await next(a.clients[0]!, 4)).toEqual(["1", Buffer.from([1, 2]), '{"n":3}', "6"]);
  expect(a.wss.backplane).toMatchObject({ driver: "memory", status: "ready", counters: { sent: 5, delivered: 1 } });
  expect(b.wss.backplane.counters).toMatchObject({ sent: 1, delivered: 4, foreign: 0 });
});

test("broadcast reaches all servers once; with local or to, only this one", async () => {
  const [a, b, c] = await servers(3);
  void b.connections[0]!.subscribe("x");
  void c.connections[0]!.subscribe("x");
  void c.connections[0]!.subscribe("y");
  expect(a.wss.broadcast("all")).toBe(1);
  a.wss.broadcast("local", { local: true });
  a.wss.broadcast("to", { to: a.connections[0] });
  a.wss.broadcast("x", { topics: "x" });
  a.wss.broadcast("x or y", { topics: ["x", "y"] });
  a.wss.broadcast("not y", { exceptTopics: "y" });
  a.wss.broadcast("nobody", { topics: [] });
  a.wss.broadcast(new Blob(["blob"]));
  expect(await next(a.clients[0]!, 5)).toEqual(["all", "local", "to", "not y", Buffer.from("blob")]);
  const atB = await next(b.clients[0]!, 5);
  // What goes to all servers and what goes to one topic has no common order.
  expect(new Set(atB)).toEqual(new Set(["all", "x", "x or y", "not y", Buffer.from("blob")]));
  expect(atB.filter((text) => text !== "x")).toEqual(["all", "x or y", "not y", Buffer.from("blob")]);
  expect(new Set(await next(c.clients[0]!, 4))).toEqual(new Set(["all", "x", "x or y", Buffer.from("blob")]));
});

test("header lines come from other servers too, without a position", async () => {
  const [a, b] = await servers(2);
  void b.connections[0]!.subscribe("chat", { framing: "header" });
  await a.wss.publish("chat", "hi");
  expect(await next(b.clients[0]!, 2)).toEqual(["\x1es - - chat\n", "\x1em - - chat\nhi"]);
});

test("after the last unsubscribe nothing comes to the connection, and the server forgets the topic later", async () => {
  const [a, b] = await servers(2);
  await b.connections[0]!.subscribe("x");
  b.connections[0]!.unsubscribe("x");
  await a.wss.publish("x", "1");
  await vi.waitFor(() => expect(b.wss.backplane.counters.unheard).toBe(1));
  await b.connections[0]!.subscribe("x");
  await a.wss.publish("x", "2");
  expect(await next(b.clients[0]!, 1)).toEqual(["2"]);
});

test("a topic with history has one order for all servers, and a position is good on each of them", async () => {
  const [a, b] = await servers(2, { history: { "log*": { size: 100 } } });
  const first = await a.connections[0]!.subscribe("log");
  await b.connections[0]!.subscribe("log");
  const published = [];
  for (let n = 0; n < 10; n++)
    published.push(a.wss.publish("log", `a${String(n)}`), b.wss.publish("log", `b${String(n)}`));
  const offsets = (await Promise.all(published)).map(({ offset }) => offset);
  expect(offsets).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
  const [atA, atB] = [await next(a.clients[0]!, 20), await next(b.clients[0]!, 20)];
  expect(isDeepStrictEqual(atA, atB)).toBe(true);
  const late = await connect(b.wss);
  const [, lateHere] = [...b.wss.connections] as unknown as Client[];
  const again = await lateHere!.subscribe("log", { since: first.position });
  expect(again).toMatchObject({ recovered: true, replayed: 20 });
  expect(await next(late, 20)).toEqual(atA);
});

test("a topic with history that is known here can be joined while the broker is away, and it says so", async () => {
  const driver = memory().createDriver();
  const open = driver.open.bind(driver);
  let host: DriverHost | undefined;
  driver.open = (one, node) => open((host = one), node);
  const wss = new WebSocketServer(
    { onConnection: () => new Member() },
    { backplane: { createDriver: () => driver }, history: { "log*": {} } },
  );
  onTestFinished(() => wss.terminate(0));
  for (let n = 0; n < 3; n++) await connect(wss);
  const [first, second, third] = [...wss.connections];
  const { position: since } = await first!.subscribe("log");
  host?.onStatus("away");
  expect(await second!.subscribe("log", { since })).toMatchObject({ live: true, recovered: true, remote: false });
  host?.onStatus("ready");
  expect(await third!.subscribe("log")).toMatchObject({ live: true, remote: true });
});

test("onBackplane is told that the broker can be reached, after the constructor has returned", async () => {
  const onBackplane = vi.fn();
  const [a] = await servers(1, {}, { onBackplane });
  expect(onBackplane.mock.calls).toEqual([[a.wss, { type: "backplane", status: "ready", reason: undefined }]]);
  await a.wss.terminate(0);
  expect(onBackplane).toHaveBeenCalledTimes(1);
  expect(a.wss.backplane.status).toBe("closed");
});

test("a server that has ended gets nothing, and what it publishes reaches nobody", async () => {
  const [a, b] = await servers(2);
  await b.connections[0]!.subscribe("x");
  await a.wss.terminate(0);
  await a.wss.publish("x", "1");
  expect(a.wss.broadcast("2")).toBe(0);
  await b.wss.publish("x", "3");
  expect(await next(b.clients[0]!, 1)).toEqual(["3"]);
});

test.each([[null], [1], [{}], ["redis"]])("an option backplane %j is refused", (backplane) => {
  expect(() => new WebSocketServer({ onConnection: () => undefined }, { backplane } as never)).toThrow(
    "backplane: expected memory() or redis(client), got",
  );
});

test("local must be true or false", async () => {
  const [a] = await servers(1);
  expect(() => a.wss.broadcast("x", { local: 1 } as never)).toThrow("broadcast: local: expected true or false");
});

/** A backplane that ends only when its time is over. */
function slowToEnd(): Backplane {
  const driver = memory().createDriver();
  const close = driver.close.bind(driver);
  driver.close = (over) => over.then(() => close(over));
  return { createDriver: () => driver };
}

test.each([
  ["the seconds of terminate are the backplane's too", [0.05]],
  ["a second terminate(0) ends the wait for the backplane", [600, 0]],
])("%s", async (_, calls) => {
  const handler = { onConnection: () => new Member(), onTerminate: vi.fn() };
  const wss = new WebSocketServer(handler, { backplane: slowToEnd(), closeTimeout: 600_000 });
  for (const seconds of calls) {
    void wss.terminate(seconds);
    await vi.waitFor(() => expect(handler.onTerminate).toHaveBeenCalledOnce());
  }
  await wss.terminate(600);
  expect(wss.terminated).toBe(true);
});
