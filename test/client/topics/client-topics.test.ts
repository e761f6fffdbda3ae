import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ClientTopics } from "../../../src/client/topics/client-topics.ts";
import type { WSPresenceEvent } from "../../../src/topics/presence-member.ts";
import type { TopicSocket } from "../../../src/client/topics/handler.ts";
import { readTopicLine } from "../../../src/client/topics/topic-line.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Topics of a client whose connection is made by hand. */
function rig() {
  const sent: string[] = [];
  const client = {
    protocol: "hawser.v1",
    status: "Connected",
    counters: { dropped: 0 },
    /** Whether what is sent is dropped. */
    isFull: false,
    send(line: string): boolean {
      if (client.isFull) client.counters.dropped++;
      else sent.push(line.slice(1, -1));
      // It is slow in any case.
      return false;
    },
  };
  const log: unknown[] = [];
  const topics = new ClientTopics(
    {
      onUnsubscribed: (_ws, event) => log.push(event),
      onReconnected: (_ws, { recovered }) => log.push({ recovered }),
      onTopic: (_ws, { data }) => log.push(data),
    },
    new Map(),
  );
  topics.client = client as unknown as TopicSocket;
  const gets = (line: string): unknown => topics.onLine(readTopicLine(`\x1e${line}`)!, () => ({ data: "data" }));
  const connect = (attempts?: number): unknown => {
    topics.onConnected(attempts === undefined ? undefined : { type: "reconnected", attempts, away: 5 });
    return topics.onSignedIn();
  };
  return { client, topics, sent, log, gets, connect };
}

test("a topic whose history cannot be read after a reconnect is asked for again, until it is there", () => {
  const { topics, sent, log, gets, connect } = rig();
  connect();
  void topics.subscribe("a", {});
  gets("s e.1.- - a\n");
  connect(1);
  for (let n = 0; n < 3; n++) {
    gets("u - 503 a\n");
    vi.advanceTimersByTime(5_000);
  }
  expect(sent).toEqual(["s - - a", "s e.1.- - a", "s e.1.- - a", "s e.1.- - a", "s e.1.- - a"]);
  expect(log).toEqual([]);
  gets("s e.1.- 1 a\n");
  expect(log).toEqual([{ recovered: true }]);
  expect(vi.getTimerCount()).toBe(0);
});

test("a request that is dropped, because too much waits, is sent again", () => {
  const { client, topics, sent, connect } = rig();
  connect();
  client.isFull = true;
  void topics.subscribe("a", {});
  void topics.subscribe("b", {});
  client.isFull = false;
  vi.advanceTimersByTime(5_000);
  expect(sent).toEqual(["s - - a", "s - - b"]);
});

test("what is wanted while there is no connection is asked for on the next one, once", () => {
  const { client, topics, sent, connect } = rig();
  connect();
  client.status = "Connecting";
  void topics.subscribe("a", {});
  void topics.subscribe("b", {});
  expect(topics.unsubscribe("b")).toBe(true);
  expect([sent, vi.getTimerCount()]).toEqual([[], 0]);
  client.status = "Connected";
  connect(1);
  expect(sent).toEqual(["s - - a"]);
});

test("onReconnected comes at once where there is no topic, and without those that are new", () => {
  const { topics, log, connect, gets } = rig();
  connect();
  connect(1);
  expect(log).toEqual([{ recovered: true }]);
  void topics.subscribe("a", {});
  gets("s - - a\n");
  topics.onConnected({ type: "reconnected", attempts: 1, away: 5 });
  void topics.subscribe("b", {});
  topics.onSignedIn();
  gets("s - - a\n");
  expect(log).toHaveLength(2);
});

test("a callback before onReconnected is awaited", async () => {
  const { topics, log, connect, gets } = rig();
  const order: string[] = [];
  const slow = new ClientTopics(
    {
      onGap: () => Promise.resolve().then(() => order.push("gap")),
      onReconnected: () => order.push("reconnected"),
    },
    new Map(),
  );
  slow.client = topics.client;
  void slow.subscribe("a", { since: "e.1.-" });
  slow.onConnected({ type: "reconnected", attempts: 1, away: 5 });
  void slow.onLine(readTopicLine("\x1es e.2.- 0 a\n")!, () => undefined);
  await slow.onSignedIn();
  await Promise.resolve();
  expect(order).toContain("gap");
  connect();
  gets("m - - unknown\n");
  gets("j - - a\n{}");
  expect(log).toEqual([]);
});

test("a server that subscribes the client to more and more topics ends it", () => {
  const { topics, connect, gets } = rig();
  connect();
  for (let n = 0; n < 1_000; n++) gets(`s e.1.- - own ${n}\n`);
  expect(() => gets("s e.1.- - one more\n")).toThrow(expect.objectContaining({ code: "HWS_TOO_MANY_TOPICS" }) as Error);
  expect(() => gets(`s e.1.- - ${"x".repeat(256)}\n`)).toThrow("got 256");
  // What it asks for itself is its own matter.
  void topics.subscribe("asked", {});
  gets("s e.1.- - asked\n");
  expect(Object.keys(topics.positions)).toHaveLength(1_001);
});

test("a server that subscribes the client by itself, without its position, may have left messages out", async () => {
  const { topics, log, connect, gets } = rig();
  connect();
  const asked = topics.subscribe("a", { since: "e.1.-" });
  gets("s e.5.x - a\n");
  expect(await asked).toMatchObject({ recovered: false });
  gets("s e.5.x - own\n");
  connect(1);
  gets("s e.5.x - a\n");
  gets("s e.7.y - own\n");
  connect(1);
  for (const topic of ["a", "own"]) gets(`s ${topics.positions[topic]!} 1 ${topic}\n`);
  expect(log).toEqual([{ recovered: false }, { recovered: true }]);
});

test("a gap before onReconnected counts for it, also if the connection is lost again, and no other one does", () => {
  const { topics, log, gets, connect } = rig();
  connect();
  for (const topic of ["a", "b"]) void topics.subscribe(topic, { since: "e.1.-" });
  gets("s e.1.- 0 a\n");
  gets("s e.1.- 1 b\n");
  gets("g e.2.- fork a\n");
  const again = (): void => {
    connect(1);
    gets("s e.2.- 1 a\n");
  };
  again();
  gets("s e.1.- 1 b\n");
  again();
  gets("g e.2.- fork a\n");
  gets("s e.1.- 1 b\n");
  again();
  gets("g e.2.- fork a\n");
  again();
  gets("s e.1.- 1 b\n");
  expect(log).toEqual([{ recovered: true }, { recovered: false }, { recovered: false }]);
});

test("the end of the client stops what would be asked for again", async () => {
  const { client, topics, connect } = rig();
  connect();
  client.isFull = true;
  const asked = topics.subscribe("a", {});
  topics.onTerminated(undefined);
  expect(vi.getTimerCount()).toBe(0);
  await expect(asked).rejects.toMatchObject({ code: "HWS_UNSUBSCRIBED" });
});

test("who comes and goes is told, for topics that the client has", () => {
  const events: unknown[] = [];
  const note = (_ws: unknown, { type, topic, member }: WSPresenceEvent) => events.push([type, topic, member.id]);
  const topics = new ClientTopics({ onJoin: note, onLeave: note }, new Map());
  topics.client = {
    protocol: "hawser.v1",
    status: "Connected",
    counters: {},
    send: () => true,
  } as unknown as TopicSocket;
  const gets = (line: string) => topics.onLine(readTopicLine(`\x1e${line}`)!, () => undefined);
  topics.onConnected(undefined);
  topics.onSignedIn();
  void topics.subscribe("a", {});
  gets('j - - a\n{"id":"early","connections":1}');
  gets("s - - a\n");
  gets('j - - a\n{"id":"ann","connections":1}');
  gets("j - - a\nno member");
  gets('l - - a\n{"id":"ann","connections":0}');
  gets('l - - other\n{"id":"bob","connections":0}');
  expect(events).toEqual([
    ["join", "a", "ann"],
    ["leave", "a", "ann"],
  ]);
});

test("onReconnected comes also when the last topic without an answer is left", () => {
  const { topics, log, gets, connect } = rig();
  connect();
  void topics.subscribe("a", {});
  gets("s e.1.- - a\n");
  connect(1);
  topics.unsubscribe("a");
  expect(log).toEqual([]);
  gets("s e.1.- 1 a\n");
  gets("u - 1000 a\n");
  expect(log).toEqual([{ recovered: true }]);
});
