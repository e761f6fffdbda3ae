import type { TopicSocket, WSTopicEvent, WSTopicGapEvent } from "../../../../src/client/topics/handler.ts";
import { Log, type Scenarios, failureOf, gate, same } from "../scenario.ts";

/** A log whose handler has the callbacks of topics. */
class TopicLog extends Log {
  onTopic(_ws: unknown, { topic, data, position }: WSTopicEvent): void {
    this.note(`topic ${topic} ${typeof data === "string" ? data : JSON.stringify(data)} ${String(position)}`);
  }

  onGap(_ws: unknown, { topic, reason, position }: WSTopicGapEvent): void {
    this.note(`gap ${topic} ${reason} ${String(position)}`);
  }

  onUnsubscribed(_ws: unknown, { topic, status }: { topic: string; status: number }): void {
    this.note(`unsubscribed ${topic} ${status}`);
  }

  onReconnected(_ws: unknown, { recovered }: { recovered: boolean }): void {
    this.note(`reconnected ${recovered ? "recovered" : "not recovered"}`);
  }
}

const SOON = { reconnect: { baseDelay: 1, maxDelay: 1 } };

/** What a client with topics does. The scripted server speaks `hawser.v1` line by line. */
export const topics: Scenarios = {
  "topics: it asks after onOpen has settled, and messages come to onTopic, others to onMessage": async ({
    TopicClient,
    script,
  }) => {
    const signedIn = gate();
    const log = new TopicLog({
      onOpen: async (ws: TopicSocket) => {
        void ws.subscribe("b b");
        ws.send("token");
        await signedIn.opened;
      },
    });
    const ws = new TopicClient(await script.start(), log);
    const chat = ws.subscribe("chat", { last: 5 });
    same((await script.dial(1)).protocols, "hawser.v1");
    same(await script.received(1, 1), ["token"]);
    signedIn.open();
    same(await script.received(1, 3), ["token", "\x1es - 5 chat\n", "\x1es - - b b\n"]);
    for (const text of ["\x1es e.1.- - chat\n", "\x1em e.2.a - chat\nhello\nworld", "other", "\x1es - - b b\n"])
      await script.send(1, text);
    await script.send(1, [...new TextEncoder().encode("\x1em - - b b\nbytes")]);
    same(await chat, { topic: "chat", position: "e.1.-", recovered: undefined });
    same(await ws.subscribe("b b"), { topic: "b b", position: undefined, recovered: undefined });
    await log.has("topic b b bytes undefined");
    same(log.lines, ["open", "topic chat hello\nworld e.2.a", "message other", "topic b b bytes undefined"]);
    same(ws.positions, { chat: "e.2.a" });
    same(ws.handler === log, true);
    ws.terminate();
    await ws.closed;
  },

  "topics: after a reconnect it asks from its positions, after onOpen, and onReconnected follows the answers": async ({
    TopicClient,
    script,
  }) => {
    const log = new TopicLog({ onOpen: (ws: TopicSocket) => void ws.send("token") });
    const ws = new TopicClient(await script.start(), log, SOON);
    void ws.subscribe("a");
    void ws.subscribe("plain", { last: 3 });
    await script.received(1, 3);
    for (const text of ["\x1es e.1.- - a\n", "\x1es - - plain\n", "\x1em e.2.x - a\n1"]) await script.send(1, text);
    await log.has("topic a 1 e.2.x");
    await script.die(1);
    same(await script.received(2, 3), ["token", "\x1es e.2.x - a\n", "\x1es - 3 plain\n"]);
    same(ws.positions, { a: "e.2.x" });
    await script.send(2, "\x1es e.2.x 1 a\n");
    await script.send(2, "\x1em e.3.y - a\n2");
    await log.has("topic a 2 e.3.y");
    await script.send(2, "\x1es - - plain\n");
    await log.has("reconnected recovered");
    same(log.lines, [
      "open",
      "topic a 1 e.2.x",
      "reconnecting 1006 attempt 1",
      "open again",
      "topic a 2 e.3.y",
      "reconnected recovered",
    ]);
    ws.terminate();
    await ws.closed;
  },

  "topics: what is not recovered is a gap, and onReconnected says so, also after the next loss": async ({
    TopicClient,
    script,
  }) => {
    const log = new TopicLog();
    const ws = new TopicClient(await script.start(), log, SOON);
    void ws.subscribe("a", { last: 7 });
    void ws.subscribe("b");
    await script.received(1, 2);
    await script.send(1, "\x1es e.1.- - a\n");
    await script.send(1, "\x1es e.1.- - b\n");
    await ws.subscribe("b");
    await script.die(1);
    same(await script.received(2, 2), ["\x1es e.1.- 7 a\n", "\x1es e.1.- - b\n"]);
    await script.send(2, "\x1es f.9.- 0 a\n");
    await log.has("gap a unrecovered f.9.-");
    // The answer for b never comes.
    await script.die(2);
    same(await script.received(3, 2), ["\x1es f.9.- 7 a\n", "\x1es e.1.- - b\n"]);
    for (const topic of ["a f.9.- 1", "b e.1.- 1"]) {
      const [name = "", position = "", flag = ""] = topic.split(" ");
      await script.send(3, `\x1es ${position} ${flag} ${name}\n`);
    }
    await script.send(3, "\x1eg f.12.z trimmed a\n");
    await log.has("gap a trimmed f.12.z");
    same(log.lines.slice(-5), [
      "gap a unrecovered f.9.-",
      "reconnecting 1006 attempt 2",
      "open again",
      "reconnected not recovered",
      "gap a trimmed f.12.z",
    ]);
    same(ws.positions, { a: "f.12.z", b: "e.1.-" });
    ws.terminate();
    await ws.closed;
  },

  "topics: a refusal rejects with a code, and the client goes on": async ({ TopicClient, script }) => {
    const ws = new TopicClient(await script.start());
    const codes = { 403: "SUBSCRIBE_REFUSED", 429: "TOO_MANY_TOPICS", 503: "BACKPLANE_AWAY", 1000: "UNSUBSCRIBED" };
    const asked = Object.keys(codes).map((flag) => failureOf(ws.subscribe(`t${flag}`)));
    await script.received(1, asked.length);
    for (const flag of Object.keys(codes)) await script.send(1, `\x1eu - ${flag} t${flag}\n`);
    same(
      await Promise.all(asked),
      Object.values(codes).map((code) => `HWS_${code}`),
    );
    // It may ask again.
    void ws.subscribe("t503");
    same((await script.received(1, 5)).at(-1), "\x1es - - t503\n");
    ws.terminate();
    await ws.closed;
  },

  "topics: without hawser.v1 subscribe rejects, and all messages go to onMessage": async ({ TopicClient, script }) => {
    const log = new TopicLog();
    const url = await script.start([{ protocol: "other" }]);
    const ws = new TopicClient(url, log, { protocols: () => Promise.resolve(["other"]) });
    same(await failureOf(ws.subscribe("a")), "HWS_NO_TOPICS");
    same(await failureOf(ws.subscribe("b")), "HWS_NO_TOPICS");
    same((await script.dial(1)).protocols.replace(" ", ""), "other,hawser.v1");
    await script.send(1, "\x1es - - a\n");
    await log.has("message \x1es - - a\n");
    ws.terminate();
    await ws.closed;
  },

  "topics: after unsubscribe nothing of the topic is delivered, also if it is wanted again": async ({
    TopicClient,
    script,
  }) => {
    const log = new TopicLog();
    const ws = new TopicClient(await script.start(), log);
    void ws.subscribe("a");
    await script.received(1, 1);
    await script.send(1, "\x1es - - a\n");
    await ws.subscribe("a");
    same([ws.unsubscribe("a"), ws.unsubscribe("a")], [true, false]);
    const never = failureOf(ws.subscribe("a"));
    ws.unsubscribe("a");
    const again = ws.subscribe("a");
    const asks = "\x1es - - a\n";
    const leaves = "\x1eu - - a\n";
    same(await script.received(1, 5), [asks, leaves, asks, leaves, asks]);
    same(await never, "HWS_UNSUBSCRIBED");
    // What was on its way, the answers to both ends, and what is wanted now.
    for (const text of ["m - - a\nlate", "u - 1000 a\n", "s - - a\n", "m - - a\nlate too", "u - 1000 a\n"])
      await script.send(1, `\x1e${text}`);
    for (const text of ["s e.1.- - a\n", "m e.2.x - a\nnew"]) await script.send(1, `\x1e${text}`);
    same((await again).position, "e.1.-");
    await log.has("topic a new e.2.x");
    same(log.lines, ["open", "topic a new e.2.x"]);
    ws.terminate();
    await ws.closed;
  },

  "topics: the server may end a subscription, and begin one": async ({ TopicClient, script }) => {
    const log = new TopicLog();
    const ws = new TopicClient(await script.start(), log, SOON);
    void ws.subscribe("a");
    await script.received(1, 1);
    for (const text of ["s - - a\n", "u - 1000 a\n", "m - - a\nlate", "s e.1.- - own\n", "m e.2.- - own\nhello"])
      await script.send(1, `\x1e${text}`);
    await log.has("topic own hello e.2.-");
    same(log.lines, ["open", "unsubscribed a 1000", "topic own hello e.2.-"]);
    await script.die(1);
    same(await script.received(2, 1), ["\x1es e.2.- - own\n"]);
    await script.send(2, "\x1eu - 403 own\n");
    await log.has("reconnected recovered");
    same(log.lines.slice(-2), ["unsubscribed own 403", "reconnected recovered"]);
    ws.terminate();
    await ws.closed;
  },

  "topics: positions can be kept and given back, whatever they are": async ({ TopicClient, script }) => {
    const positions = JSON.parse('{"a":"e.5.x","b":"not a position\\n","__proto__":"e.6.y"}') as Record<string, string>;
    const ws = new TopicClient(await script.start(), {}, { positions });
    for (const topic of ["a", "b", "__proto__"]) void ws.subscribe(topic);
    void ws.subscribe("c", { since: "e.7.z", last: 0 });
    same(await script.received(1, 4), [
      "\x1es e.5.x - a\n",
      "\x1es ? - b\n",
      "\x1es e.6.y - __proto__\n",
      "\x1es e.7.z - c\n",
    ]);
    same(JSON.stringify(Object.entries(ws.positions)), '[["a","e.5.x"],["b","?"],["__proto__","e.6.y"],["c","e.7.z"]]');
    ws.terminate();
    await ws.closed;
  },

  "topics: messages come as dataType says, without their header line": async ({ TopicClient, script }) => {
    const url = await script.start();
    let connections = 0;
    const bytes = [...new TextEncoder().encode('\x1em - - a\n{"n":[1]}')];
    for (const [dataType, expected] of [
      ["text", ['{"n":[1]}', '{"n":[1]}', "7"]],
      ["object", [{ n: [1] }, { n: [1] }, 7]],
      ["auto", ['{"n":[1]}', new TextEncoder().encode('{"n":[1]}'), "7"]],
      ["blob", ['{"n":[1]}', '{"n":[1]}', "7"].map((text) => new TextEncoder().encode(text))],
    ] as const) {
      const got: unknown[] = [];
      const done = gate();
      const onMessage = (_ws: unknown, { data }: { data: unknown }): void => {
        got.push(data);
        done.open();
      };
      const ws = new TopicClient(
        url,
        { onTopic: (_ws: unknown, { data }: WSTopicEvent) => void got.push(data), onMessage },
        { dataType },
      );
      void ws.subscribe("a");
      const number = ++connections;
      await script.received(number, 1);
      for (const message of ["\x1es - - a\n", '\x1em - - a\n{"n":[1]}', bytes, "7"]) await script.send(number, message);
      await done.opened;
      same(got.map(plain), expected.map(plain));
      same(ws.dataType, dataType);
      ws.terminate();
      await ws.closed;
    }
  },

  "topics: a message that is no JSON ends a client of objects, or is dropped": async ({ TopicClient, script }) => {
    const url = await script.start();
    const log = new TopicLog();
    const ws = new TopicClient(url, log, { dataType: "object" });
    void ws.subscribe("a");
    await script.received(1, 1);
    for (const text of ["s - - a\n", 'm - - a\n"ok"', "m - - a\nno"]) await script.send(1, `\x1e${text}`);
    await ws.closed;
    same(log.lines.slice(0, 3), ["open", "topic a ok undefined", "error HWS_INVALID_JSON"]);
  },

  "topics: what waits when the client ends is rejected": async ({ TopicClient, script }) => {
    const ws = new TopicClient(await script.start());
    const before = failureOf(ws.subscribe("a"));
    await script.received(1, 1);
    ws.terminate();
    await ws.closed;
    same([await before, await failureOf(ws.subscribe("b"))], ["HWS_UNSUBSCRIBED", "HWS_UNSUBSCRIBED"]);
    same(ws.unsubscribe("a"), true);
  },

  "topics: wrong arguments throw at once": async ({ TopicClient, script }) => {
    const url = await script.start();
    const ws = new TopicClient(url);
    for (const [call, code] of [
      [() => ws.subscribe(""), "OUT_OF_RANGE"],
      [() => ws.subscribe("a\n"), "INVALID_ARGUMENT"],
      [() => ws.subscribe("é".repeat(128)), "OUT_OF_RANGE"],
      [() => ws.subscribe("a", { last: 1.5 }), "OUT_OF_RANGE"],
      [() => ws.subscribe("a", { last: "1" as never }), "INVALID_ARGUMENT"],
      [() => ws.subscribe("a", { since: 1 as never }), "INVALID_ARGUMENT"],
      [() => ws.subscribe("a", null as never), "INVALID_ARGUMENT"],
      [() => ws.unsubscribe(7 as never), "INVALID_ARGUMENT"],
      [() => new TopicClient(url, { onTopic: 1 as never }), "INVALID_ARGUMENT"],
      [() => new TopicClient(url, { ontopic: () => undefined } as never), "INVALID_ARGUMENT"],
      [() => new TopicClient(url, {}, { positions: "x" as never }), "INVALID_ARGUMENT"],
      [() => new TopicClient(url, {}, { dataType: "json" as never }), "INVALID_ARGUMENT"],
      [() => new TopicClient(url, { dataType: "blob" as never }, { dataType: "text" }), "INVALID_ARGUMENT"],
      [() => new TopicClient(url, {}, { position: {} } as never), "INVALID_ARGUMENT"],
      [() => new TopicClient(url, {}, null as never), "INVALID_ARGUMENT"],
    ] as const)
      same(await failureOf(call), `HWS_${code}`);
    ws.terminate();
    await ws.closed;
  },
};

/** Bytes as a list: Node's are a Buffer. */
function plain(value: unknown): unknown {
  return ArrayBuffer.isView(value) ? ["bytes", ...(value as Uint8Array)] : value;
}
