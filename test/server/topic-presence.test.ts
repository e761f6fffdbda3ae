import { isDeepStrictEqual } from "node:util";
import { type Backplane, type WebSocketConnection, WebSocketServer, type WSPresenceEvent, memory } from "hawser";
import { type TestClient, connect } from "hawser/testing";
import { expect, onTestFinished, test, vi } from "vitest";
import { MessageIds } from "../../src/backplane/ids.ts";
import { memberRecord } from "../../src/backplane/member-record.ts";
import { RecordKind, decodeRecord } from "../../src/backplane/record.ts";
import { tellPresence } from "../../src/server/topic-presence.ts";
import { Peer, portOf } from "../support/peer.ts";

class Member {
  onMessage(): void {
    // It only gets messages.
  }
}

type Client = WebSocketConnection<Member>;

/** A server that notes who comes and goes. */
function server(options = {}) {
  const events: string[] = [];
  const note = (_wss: unknown, { type, topic, member }: WSPresenceEvent) =>
    void events.push(`${type} ${topic} ${member.id} ${String(member.connections)}`);
  const wss = new WebSocketServer({ onConnection: () => new Member(), onJoin: note, onLeave: note }, options);
  onTestFinished(() => wss.terminate(0));
  const open = async (): Promise<{ client: TestClient; ws: Client }> => {
    const client = await connect(wss);
    return { client, ws: [...wss.connections].at(-1) as unknown as Client };
  };
  return { wss, events, open };
}

test("on a server that is alone: the list, and one event for each member, however many connections it has", async () => {
  const { wss, events, open } = server();
  expect(await wss.presence("chat")).toEqual({ total: 0, members: [] });
  const [a, b, c] = [await open(), await open(), await open()];
  expect(await a.ws.subscribe("chat", { presence: { id: "ann", data: { age: 7 } } })).toMatchObject({ live: true });
  await b.ws.subscribe("chat", { presence: { id: "ann", data: { age: 8 } } });
  await c.ws.subscribe("chat", { presence: { id: "bob" } });
  expect(await wss.presence("chat")).toEqual({
    total: 2,
    members: [
      { id: "ann", data: { age: 8 }, connections: 2 },
      { id: "bob", data: undefined, connections: 1 },
    ],
  });
  expect(await wss.presence("chat", { limit: 1 })).toMatchObject({ total: 2, members: [{ id: "ann" }] });
  a.ws.unsubscribe("chat");
  b.client.close();
  await vi.waitFor(() => expect(events).toEqual(["join chat ann 1", "join chat bob 1", "leave chat ann 0"]));
  expect(await wss.presence("chat")).toMatchObject({ total: 1 });
  c.client.close();
  await vi.waitFor(() => expect(events.at(-1)).toBe("leave chat bob 0"));
});

test("subscribers with header lines get lines j and l; a second subscribe changes nothing", async () => {
  const { open } = server();
  const [a, b] = [await open(), await open()];
  await a.ws.subscribe("chat", { framing: "header" });
  await b.ws.subscribe("chat", { presence: { id: "bob", data: 1 } });
  await b.ws.subscribe("chat", { presence: { id: "other" } });
  b.ws.unsubscribe("chat");
  const lines = [];
  for (let n = 0; n < 3; n++) lines.push((await a.client.next()).value);
  expect(lines).toEqual([
    "\x1es - - chat\n",
    '\x1ej - - chat\n{"id":"bob","data":1,"connections":1}',
    '\x1el - - chat\n{"id":"bob","data":1,"connections":0}',
  ]);
});

test("two servers have one list; who changes to the other one neither leaves nor joins", async () => {
  const backplane = memory();
  const [one, two] = [server({ backplane, history: { "log*": {} } }), server({ backplane, history: { "log*": {} } })];
  for (const topic of ["chat", "log"]) {
    const [a, b] = [await one.open(), await two.open()];
    await b.ws.subscribe(topic);
    await a.ws.subscribe(topic, { presence: { id: "ann" } });
    const again = await two.open();
    await again.ws.subscribe(topic, { presence: { id: "ann" } });
    expect(await one.wss.presence(topic)).toMatchObject({ total: 1, members: [{ connections: 2 }] });
    a.client.close();
    await vi.waitFor(async () =>
      expect(await two.wss.presence(topic)).toMatchObject({ members: [{ connections: 1 }] }),
    );
    again.ws.unsubscribe(topic);
    await vi.waitFor(() => expect(two.events.filter((event) => event.includes(topic))).toHaveLength(2));
  }
  expect(two.events).toEqual(["join chat ann 1", "leave chat ann 0", "join log ann 1", "leave log ann 0"]);
});

test("a server that ends takes nobody from the list: its clients may come back to another one", async () => {
  const backplane = memory();
  const [one, two] = [server({ backplane }), server({ backplane })];
  const a = await one.open();
  const b = await two.open();
  await b.ws.subscribe("chat");
  await a.ws.subscribe("chat", { presence: { id: "ann" } });
  await vi.waitFor(() => expect(two.events).toEqual(["join chat ann 1"]));
  await one.wss.terminate(1);
  expect(await two.wss.presence("chat")).toMatchObject({ total: 1 });
  expect(two.events).toEqual(["join chat ann 1"]);
});

test("a client that is lost stays on the list for some seconds", async () => {
  const { wss, events } = server({ port: 0, host: "127.0.0.1" });
  const peer = await Peer.open(await portOf(wss));
  const ws = [...wss.connections][0] as unknown as Client;
  await ws.subscribe("chat", { presence: { id: "ann" } });
  await vi.waitFor(() => expect(events).toHaveLength(1));
  peer.socket.terminate();
  await vi.waitFor(() => expect(wss.connections).toHaveLength(0));
  expect(await wss.presence("chat")).toMatchObject({ total: 1 });
});

test("a topic that is left while its presence begins keeps nobody listed", async () => {
  const { wss, open } = server({ history: { "log*": {} } });
  const { ws } = await open();
  for (const name of ["log", "chat"])
    for (let ticks = 0; ticks < 20; ticks++) {
      const topic = `${name}:${String(ticks)}`;
      const subscribed = ws.subscribe(topic, { presence: { id: "ann" } });
      for (let n = 0; n < ticks; n++) await Promise.resolve();
      ws.unsubscribe(topic);
      await subscribed;
      expect([topic, (await wss.presence(topic)).total]).toEqual([topic, 0]);
    }
});

/** A broker that confirms a subscription in a later turn, as one on another machine does. */
function laterBackplane(): Backplane {
  const inner = memory();
  return { createDriver: () => Object.assign(inner.createDriver(), { keepsPackets: false }) };
}

test("who leaves and comes back while the presence begins is listed as he has come back, or not at all", async () => {
  const { wss, open } = server({ backplane: laterBackplane(), history: { "log*": {} } });
  const { ws } = await open();
  const wrong: unknown[] = [];
  for (const name of ["log", "chat"])
    for (let ticks = 0; ticks < 40; ticks++)
      for (const presence of [{ id: "bob" }, undefined]) {
        const topic = `${name}:${String(ticks)} ${String(presence?.id)}`;
        const first = ws.subscribe(topic, { presence: { id: "ann" } });
        for (let n = 0; n < ticks; n++) await Promise.resolve();
        ws.unsubscribe(topic);
        await Promise.all([first, ws.subscribe(topic, presence === undefined ? {} : { presence })]);
        const { members } = await wss.presence(topic);
        const ids = members.map(({ id }) => id);
        if (!isDeepStrictEqual(ids, presence === undefined ? [] : ["bob"])) wrong.push([topic, ids]);
      }
  expect(wrong).toEqual([]);
});

test("on a server that is alone events go on after a topic was empty for a while", async () => {
  const { events, open } = server();
  const [a, b] = [await open(), await open()];
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  onTestFinished(() => void vi.useRealTimers());
  await a.ws.subscribe("chat", { presence: { id: "ann" } });
  a.ws.unsubscribe("chat");
  vi.advanceTimersByTime(10_000);
  await a.ws.subscribe("chat", { presence: { id: "ann" } });
  await b.ws.subscribe("chat", { presence: { id: "bob" } });
  vi.advanceTimersByTime(25_000);
  b.ws.unsubscribe("chat");
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
  expect(events.at(-1)).toBe("leave chat bob 0");
});

test.each([["garbage"], ["{}"]])("a record with the payload %j tells nothing", (payload) => {
  const id = new MessageIds().next();
  const reporter = { dispatchPresence: vi.fn() };
  const record = decodeRecord(memberRecord(RecordKind.join, id, { id: "a", data: undefined, connections: 1 }))!;
  const told = (changed: object) => tellPresence("a", { ...record, ...changed }, { framed: undefined, reporter });
  expect(told({ payload: Buffer.from(payload) })).toBe(false);
  expect(told({ kind: RecordKind.gap })).toBe(false);
  expect(reporter.dispatchPresence).not.toHaveBeenCalled();
  expect(told({})).toBe(true);
});
