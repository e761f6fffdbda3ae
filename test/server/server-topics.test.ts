import type { AddressInfo, Socket } from "node:net";
import { WebSocketServer, type WebSocketConnection, type WSErrorEvent } from "hawser";
import { WebSocket } from "hawser/client";
import { type TestClient, connect } from "hawser/testing";
import { expect, onTestFinished, test, vi } from "vitest";

class Member {
  onMessage(): void {
    // It only gets messages.
  }
}

type Client = WebSocketConnection<Member>;

async function chat(members: number, options = {}, handler = {}) {
  const wss = new WebSocketServer({ onConnection: () => new Member(), ...handler }, options);
  onTestFinished(() => wss.terminate(0));
  const clients: TestClient[] = [];
  for (let n = 0; n < members; n++) clients.push(await connect(wss));
  return { wss, clients, connections: [...wss.connections] as unknown as Client[] };
}

/** What each client got, after one message for all that marks the end. */
async function gotBy(wss: { broadcast(text: string): unknown }, clients: readonly TestClient[]): Promise<string[]> {
  wss.broadcast("end");
  const got = [];
  for (const client of clients) {
    const texts = [];
    for (let text = (await client.next()).value; text !== "end"; text = (await client.next()).value) texts.push(text);
    got.push(texts.join("+"));
  }
  return got;
}

test("what is published comes to the subscribers, in order, texts and bytes and objects alike", async () => {
  const { wss, clients, connections } = await chat(3);
  const [ann, bob, cyd] = connections;
  expect(await ann!.subscribe("a")).toMatchObject({ topic: "a", live: true });
  void bob!.subscribe("a");
  void bob!.subscribe("b");
  await wss.publish("a", "1");
  await wss.publish("b", "2");
  await wss.publish("a", "3", { except: ann });
  await ann!.publish("a", "4");
  await cyd!.publish("b", "5");
  expect(bob!.unsubscribe("a")).toBe(true);
  expect(bob!.unsubscribe("a")).toBe(false);
  await wss.publish("a", "6");
  await wss.publish("nobody", "7");
  expect(await gotBy(wss, clients)).toEqual(["1+6", "1+2+3+4+5", ""]);
});

test("an object is sent as JSON, and bytes as bytes", async () => {
  const { wss, clients, connections } = await chat(1);
  void connections[0]!.subscribe("a");
  void wss.publish("a", { n: 1 });
  void wss.publish("a", new Uint8Array([1, 2]));
  expect((await clients[0]!.next()).value).toBe('{"n":1}');
  expect((await clients[0]!.next()).value).toEqual(Buffer.from([1, 2]));
});

test("the topics of a connection, and the subscribers of a topic, are live collections", async () => {
  const { wss, connections } = await chat(2);
  const [ann, bob] = connections;
  const subscribers = wss.subscribers("a");
  const topics = ann!.topics;
  expect([subscribers.length, topics.size]).toEqual([0, 0]);
  for (const one of [bob, ann]) void one!.subscribe("a");
  expect([...subscribers]).toEqual([bob, ann]);
  expect([subscribers[1], subscribers.get(bob!.id), [...topics]]).toEqual([ann, bob, ["a"]]);
});

test("the counters have the number of topics that have a subscriber", async () => {
  const { wss, connections } = await chat(2);
  const [ann, bob] = connections;
  for (const one of connections) for (const topic of ["a", "b"]) void one.subscribe(topic);
  expect(wss.counters.topics).toBe(2);
  ann!.unsubscribe("a");
  expect(wss.counters.topics).toBe(2);
  bob!.unsubscribe("a");
  expect(wss.counters.topics).toBe(1);
  await wss.terminate(0);
  expect(wss.counters.topics).toBe(0);
});

test("a connection has left its topics before its onTerminate, and cannot subscribe again", async () => {
  const seen: unknown[] = [];
  class Leaving extends Member {
    onTerminate(ws: WebSocketConnection<Leaving>): void {
      seen.push(ws.topics.size, ws.wss.subscribers("a").length);
      void ws.subscribe("a").then(({ live }) => seen.push(live, ws.topics.size));
    }
  }
  const wss = new WebSocketServer({ onConnection: () => new Leaving() });
  onTestFinished(() => wss.terminate(0));
  const client = await connect(wss);
  void wss.connections[0]!.subscribe("a");
  expect(wss.subscribers("a").length).toBe(1);
  client.close();
  await wss.terminate();
  expect(seen).toEqual([0, 0, false, 0]);
});

test("a closing connection gets nothing, and does not subscribe", async () => {
  const { wss, connections } = await chat(2);
  const [ann, bob] = connections;
  for (const one of connections) void one.subscribe("a");
  ann!.close();
  expect(await ann!.subscribe("b")).toMatchObject({ topic: "b", live: false });
  void wss.publish("a", "1");
  expect(ann!.counters).toMatchObject({ accepted: 0, dropped: 0 });
  expect(bob!.counters.accepted).toBe(1);
});

test("a broadcast to topics reaches each connection once", async () => {
  const { wss, clients, connections } = await chat(4);
  const [ann, bob, cyd, dan] = connections;
  for (const [one, topic] of [
    [ann, "a"],
    [bob, "a"],
    [bob, "b"],
    [cyd, "b"],
  ] as const)
    void one!.subscribe(topic);
  expect(wss.broadcast("1", { topics: "a" })).toBe(2);
  expect(wss.broadcast("2", { topics: ["a", "b"] })).toBe(3);
  expect(wss.broadcast("3", { topics: ["a", "b"], except: bob })).toBe(2);
  expect(wss.broadcast("4", { exceptTopics: "a" })).toBe(2);
  expect(wss.broadcast("5", { topics: "b", exceptTopics: ["a"] })).toBe(1);
  expect(wss.broadcast("6", { topics: ["a"], to: [ann!, dan!] })).toBe(1);
  expect(wss.broadcast("7", { topics: "a", to: (one) => one === (bob as unknown) })).toBe(1);
  expect(wss.broadcast("8", { topics: [] })).toBe(0);
  expect(await gotBy(wss, clients)).toEqual(["1+2+3+6", "1+2+7", "2+3+4+5", "4"]);
});

test("all that is published in one turn leaves in one write", async () => {
  const wss = new WebSocketServer({ onConnection: () => new Member() }, { port: 0 });
  onTestFinished(() => wss.terminate(0));
  const sockets: Socket[] = [];
  wss.httpServer!.on("connection", (socket: Socket) => sockets.push(socket));
  await wss.ready;
  const client = await WebSocket.connect(`ws://127.0.0.1:${(wss.address() as AddressInfo).port}`);
  onTestFinished(() => client.destroy());
  void wss.connections[0]!.subscribe("a");
  // The handle is what really writes: the library goes past the stream.
  const handle = (sockets[0] as unknown as { _handle: Record<string, (...args: unknown[]) => unknown> })._handle;
  const writes = ["writeBuffer", "writev", "writeLatin1String", "writeUtf8String"].map((name) =>
    vi.spyOn(handle, name),
  );
  for (let n = 0; n < 100; n++) void wss.publish("a", String(n));
  for (let n = 0; n < 100; n++) expect((await client.next()).value).toBe(String(n));
  expect(writes.reduce((sum, { mock }) => sum + mock.calls.length, 0)).toBe(1);
});

test("an option of another name throws, and nobody gets the message", async () => {
  const { wss, clients } = await chat(1);
  expect(() => wss.broadcast("x", { topic: "a" } as never)).toThrow(
    'broadcast: there is no option "topic": did you mean topics?',
  );
  expect(() => wss.publish("a", "x", { excpt: [] } as never)).toThrow("did you mean except?");
  expect(await gotBy(wss, clients)).toEqual([""]);
});

test("a connection that has too many topics is told, and so is the server's handler", async () => {
  const errors: unknown[] = [];
  const onError = (_wss: unknown, { errors: [error], ...event }: WSErrorEvent): void =>
    void errors.push(error.cause, (event as { connection?: unknown }).connection);
  const { wss, connections } = await chat(1, { maxTopicsPerConnection: 2 }, { onError });
  const [ann] = connections;
  for (const topic of ["a", "b", "a"]) await ann!.subscribe(topic);
  // Nobody awaits this one: it is no unhandled rejection.
  void ann!.subscribe("c");
  await expect(ann!.subscribe("d")).rejects.toMatchObject({ code: "HWS_TOO_MANY_TOPICS" });
  expect([...ann!.topics]).toEqual(["a", "b"]);
  expect(wss.counters.limits.maxTopicsPerConnection).toBe(2);
  expect(errors).toMatchObject([{ code: "HWS_TOO_MANY_TOPICS" }, ann, { code: "HWS_TOO_MANY_TOPICS" }, ann]);
});

test("what cannot be published throws, and nobody gets it", async () => {
  const { wss, clients, connections } = await chat(1);
  const [ann] = connections;
  void ann!.subscribe("a");
  const invalid = expect.objectContaining({ code: "HWS_INVALID_ARGUMENT" }) as Error;
  expect(() => wss.publish("a", new Blob(["x"]) as never)).toThrow(invalid);
  expect(() => wss.publish("a", 5 as never)).toThrow(invalid);
  expect(() => ann!.publish("a", 5 as never)).toThrow(
    "publish: message: expected a string, bytes (Uint8Array, any view, ArrayBuffer), or an object or array that JSON can hold, got number",
  );
  expect(() => wss.publish("nobody", undefined as never)).toThrow(invalid);
  expect(() => wss.publish("a", "x", null as never)).toThrow("publish: options: expected an object");
  expect(() => wss.publish("a", "x", { key: 5 as never })).toThrow("publish: key");
  expect(() => wss.publish("a", "x", { except: "ann" as never })).toThrow("publish: except");
  expect(() => ann!.publish("a", "x", null as never)).toThrow("publish: options: expected an object");
  expect(() => ann!.publish("a", "x", { except: ann } as never)).toThrow('publish: there is no option "except"');
  for (const call of [
    () => wss.publish("", "x"),
    () => wss.subscribers("a\n"),
    () => ann!.subscribe(5 as never),
    () => ann!.unsubscribe("x".repeat(300)),
    () => wss.broadcast("x", { topics: 5 as never }),
    () => wss.broadcast("x", { topics: [""] }),
    () => wss.broadcast("x", { exceptTopics: [null] as never }),
    () => wss.broadcast("x", { topics: undefined as never }),
    () => wss.broadcast("x", { topics: null as never }),
    () => wss.broadcast("x", { exceptTopics: undefined as never }),
  ])
    expect(call).toThrow(/topics?: expected/i);
  expect(await gotBy(wss, clients)).toEqual([""]);
});

test("an object that JSON cannot hold is refused with an error of ours, which has the engine's as its cause", async () => {
  const { wss, clients, connections } = await chat(1);
  const [ann] = connections;
  void ann!.subscribe("a");
  const circular: Record<string, unknown> = {};
  circular["self"] = circular;
  for (const [message, reason] of [
    [circular, "Converting circular structure to JSON"],
    [{ n: 1n }, "Do not know how to serialize a BigInt"],
  ] as const)
    for (const call of [
      () => wss.publish("a", message),
      () => wss.publish("nobody", message),
      () => ann!.publish("a", message),
    ])
      expect(call).toThrow(
        expect.objectContaining({
          code: "HWS_INVALID_ARGUMENT",
          message: expect.stringContaining(`publish: message: JSON cannot hold it: ${reason}`) as string,
          cause: expect.objectContaining({ name: "TypeError" }) as Error,
        }) as Error,
      );
  expect(await gotBy(wss, clients)).toEqual([""]);
});

test("an error of the application's own toJSON comes unchanged", async () => {
  const { wss } = await chat(0);
  const own = new RangeError("no price");
  expect(() =>
    wss.publish("a", {
      toJSON() {
        throw own;
      },
    }),
  ).toThrow(own);
});
