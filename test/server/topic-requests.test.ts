import { HawserError, type WSSubscribeEvent } from "hawser";
import { expect, test, vi } from "vitest";
import { HistoryNode } from "../../src/topics/history-node.ts";
import { deferred, until } from "../support/peer.ts";
import { framed } from "../support/topic-frame.ts";
import { gets, topicServer } from "../support/topic-server.ts";

test("onSubscribe is told what the client asks for", async () => {
  const events: WSSubscribeEvent[] = [];
  const { open } = await topicServer({ decide: (event) => events.push(event) > 0 });
  const peer = await open();
  peer.socket.send("\x1es - - a\n");
  peer.socket.send("\x1es position 20000 chat: 7\n");
  await until(() => peer.messages.length === 2);
  expect(events).toEqual([
    { type: "subscribe", topic: "a", since: undefined, last: undefined },
    { type: "subscribe", topic: "chat: 7", since: "position", last: 10_000 },
  ]);
});

test("with true the client gets what it has asked for, each message with a header line", async () => {
  const { wss, open } = await topicServer();
  const { position } = await wss.publish("chat:1", "1");
  await wss.publish("chat:1", "2");
  const [newest, since, foreign] = [await open(), await open(), await open()];
  newest.socket.send("\x1es - 1 chat:1\n");
  since.socket.send(`\x1es ${position} - chat:1\n`);
  foreign.socket.send(`\x1es ${"x".repeat(65)} - chat:1\n`);
  await until(() => [newest, since, foreign].every(({ messages }) => messages.length > 0));
  await wss.publish("chat:1", "3");
  const lines = async (peer: typeof since): Promise<unknown[]> => {
    await until(() => String(peer.messages.at(-1)).endsWith("3"));
    return peer.messages.map((one) => framed(String(one))).map(({ kind, flag, data }) => [kind, flag, data]);
  };
  const three = ["m", "-", "3"];
  expect(await lines(newest)).toEqual([["s", "-", ""], ["m", "-", "2"], three]);
  expect(await lines(since)).toEqual([["s", "1", ""], ["m", "-", "2"], three]);
  expect(await lines(foreign)).toEqual([["s", "0", ""], three]);
  expect(wss.counters).toMatchObject({ topics: 1, topicRequests: { granted: 3, refused: 0, failed: 0 } });
});

test("an object has the options, and the messages have header lines also with framing none", async () => {
  const { wss, open } = await topicServer({ decide: () => Promise.resolve({ last: 1, framing: "none" }) });
  for (const text of ["1", "2"]) await wss.publish("chat:1", text);
  const peer = await open();
  peer.socket.send("\x1es - 5 chat:1\n");
  await until(() => peer.messages.length === 2);
  expect(peer.messages.map((one) => framed(String(one)).data)).toEqual(["", "2"]);
});

test("what the options leave out is as the client has asked", async () => {
  const { wss, open } = await topicServer({ decide: () => ({ presence: { id: "ann" } }) });
  const { position } = await wss.publish("chat:1", "1");
  await wss.publish("chat:1", "2");
  const peer = await open();
  peer.socket.send(`\x1es ${position} - chat:1\n`);
  await until(() => peer.messages.length >= 2);
  expect(framed(String(peer.messages[0]))).toMatchObject({ kind: "s", flag: "1" });
  await until(() => peer.messages.some((one) => framed(String(one)).kind === "j"));
  expect(await wss.presence("chat:1")).toMatchObject({ total: 1 });
});

test("what the application subscribes has header lines too", async () => {
  const { wss, open } = await topicServer();
  const peer = await open();
  void wss.connections[0]!.subscribe("a");
  void wss.connections[0]!.subscribe("b", { framing: "none" });
  void wss.publish("b", "1");
  expect(await gets(peer, "\x1em - - b\n1")).toEqual(["\x1es - - a\n", "\x1es - - b\n", "\x1em - - b\n1"]);
});

test.each([false, undefined, null])("%s refuses with 403, and the connection goes on", async (answer) => {
  const { wss, open } = await topicServer({ decide: ({ topic }) => topic === "b" || answer });
  const peer = await open();
  peer.socket.send("\x1es - - a\n");
  peer.socket.send("\x1es - - b\n");
  expect(await gets(peer, "\x1es - - b\n")).toEqual(["\x1eu - 403 a\n", "\x1es - - b\n"]);
  expect([...wss.connections[0]!.topics]).toEqual(["b"]);
  expect(wss.counters.topicRequests).toEqual({ granted: 1, refused: 1, failed: 0, delayed: 0 });
});

test("above the limit of topics the client gets 429, and the server's handler is not told each time", async () => {
  const onError = vi.fn();
  const { wss, open } = await topicServer({ options: { maxTopicsPerConnection: 2 }, onError });
  const peer = await open();
  for (const topic of ["a", "b", "c", "d"]) peer.socket.send(`\x1es - - ${topic}\n`);
  expect(await gets(peer, "\x1eu - 429 d\n")).toEqual([
    "\x1es - - a\n",
    "\x1es - - b\n",
    "\x1eu - 429 c\n",
    "\x1eu - 429 d\n",
  ]);
  expect(onError).not.toHaveBeenCalled();
  expect(wss.counters).toMatchObject({
    limits: { maxTopicsPerConnection: 2 },
    topicRequests: { granted: 2, refused: 2, failed: 0 },
  });
});

test("a client that asks for ever new topics is answered more slowly, and that is counted", async () => {
  const { wss, open, members } = await topicServer({ options: { maxTopicsPerConnection: 4 } });
  const peer = await open();
  for (let n = 0; n < 8; n++) {
    peer.socket.send(`\x1es - - ${n}\n`);
    peer.socket.send(`\x1eu - - ${n}\n`);
  }
  await until(() => peer.messages.length === 16);
  expect(members[0]!.log).toHaveLength(8);
  const { granted, delayed } = wss.counters.topicRequests;
  expect(granted).toBe(8);
  expect(delayed).toBeGreaterThanOrEqual(1);
  expect(delayed).toBeLessThanOrEqual(4);
});

test("a topic that the client has is not asked for again, and leaving one that it has not is nothing", async () => {
  const { open, members } = await topicServer();
  const peer = await open();
  for (const line of ["u - - a", "s - - a", "s - - a", "u - - a", "u - - a", "s - - a"])
    peer.socket.send(`\x1e${line}\n`);
  await until(() => peer.messages.length === 3);
  expect(peer.messages).toEqual(["\x1es - - a\n", "\x1eu - 1000 a\n", "\x1es - - a\n"]);
  expect(members[0]!.log).toEqual(["a", "a"]);
});

test("the application may end the subscription of a client", async () => {
  const { wss, open } = await topicServer();
  const peer = await open();
  peer.socket.send("\x1es - - a\n");
  await gets(peer, "\x1es - - a\n");
  wss.connections[0]!.unsubscribe("a");
  expect(await gets(peer, "\x1eu - 1000 a\n")).toHaveLength(2);
});

test("if the history cannot be read the client gets 503, has not the topic, and may ask again", async () => {
  const away = new HawserError("HWS_BACKPLANE_AWAY");
  const subscribe = vi.spyOn(HistoryNode.prototype, "subscribe").mockRejectedValueOnce(away);
  const onError = vi.fn();
  const { wss, open } = await topicServer({ onError });
  const peer = await open();
  peer.socket.send("\x1es - - chat:1\n");
  await gets(peer, "\x1eu - 503 chat:1\n");
  expect(wss.connections[0]!.topics.size).toBe(0);
  expect(onError.mock.lastCall?.[1]).toMatchObject({ errors: [{ cause: away }] });
  subscribe.mockRestore();
  peer.socket.send("\x1es - - chat:1\n");
  await until(() => peer.messages.length === 2);
  expect(framed(String(peer.messages[1]))).toMatchObject({ kind: "s", topic: "chat:1" });
  expect(wss.counters.topicRequests).toEqual({ granted: 1, refused: 0, failed: 1, delayed: 0 });
});

test("a client that has left the topic meanwhile is not told that its history could not be read", async () => {
  const read = deferred<never>();
  const subscribe = vi.spyOn(HistoryNode.prototype, "subscribe").mockReturnValueOnce(read.promise);
  const { wss, open } = await topicServer();
  const peer = await open();
  for (const line of ["s - - chat:1", "u - - chat:1", "s - - chat:1"]) peer.socket.send(`\x1e${line}\n`);
  await until(() => peer.messages.length === 2);
  read.reject(new HawserError("HWS_BACKPLANE_AWAY"));
  subscribe.mockRestore();
  await wss.publish("chat:1", "1");
  await until(() => peer.messages.length === 3);
  const lines = peer.messages.map((one) => framed(String(one)));
  expect(lines.map(({ kind, flag }) => kind + flag)).toEqual(["u1000", "s-", "m-"]);
  expect(wss.counters.topicRequests).toEqual({ granted: 1, refused: 0, failed: 1, delayed: 0 });
});

test("64 subscriptions of a client begin at the same time: the next requests wait", async () => {
  const reads = deferred<never>();
  const subscribe = vi.spyOn(HistoryNode.prototype, "subscribe").mockReturnValue(reads.promise);
  const { open, members } = await topicServer();
  const peer = await open();
  // To leave a topic does not end what is read for it.
  for (let n = 0; n < 40; n++) peer.socket.send(`\x1es - - chat:${n}\n`);
  for (let n = 0; n < 40; n++) peer.socket.send(`\x1eu - - chat:${n}\n`);
  for (let n = 0; n < 40; n++) peer.socket.send(`\x1es - - chat:${n}\n`);
  const { log } = members[0]!;
  await until(() => log.length === 64);
  await new Promise((resolve) => peer.socket.once("pong", resolve).ping());
  expect(log).toHaveLength(64);
  reads.reject(new HawserError("HWS_BACKPLANE_AWAY"));
  subscribe.mockRestore();
  await until(() => log.length === 80);
});

test("an answer that comes after the close has begun subscribes nobody", async () => {
  const answer = deferred<boolean>();
  const { wss, open, members } = await topicServer({ decide: () => answer.promise });
  const peer = await open();
  peer.socket.send("\x1es - - a\n");
  peer.socket.send("\x1es - - b\n");
  await until(() => members[0]!.log.length === 1);
  const [ws] = wss.connections;
  ws!.close(4000);
  answer.resolve(true);
  expect(await peer.closed).toEqual([4000, ""]);
  expect([wss.counters.topics, ws!.topics.size, members[0]!.log]).toEqual([0, 0, ["a"]]);
  expect(peer.messages).toEqual([]);
});
