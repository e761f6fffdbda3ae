import { expect, test } from "vitest";
import { deferred, until } from "../support/peer.ts";
import { gets, topicServer } from "../support/topic-server.ts";

test("requests and messages come in their order, one after the other", async () => {
  const first = deferred<boolean>();
  const { open, members } = await topicServer({ decide: ({ topic }) => (topic === "a" ? first.promise : true) });
  const peer = await open();
  for (const text of ["1", "\x1es - - a\n", "2", "\x1es - - b\n", "\x1eu - - a\n", "3"]) peer.socket.send(text);
  const { log } = members[0]!;
  await until(() => log.length === 2);
  // A ping is answered only after what came before it was read.
  await new Promise((resolve) => peer.socket.once("pong", resolve).ping());
  expect(log).toEqual(["1", "a"]);
  first.resolve(true);
  await until(() => log.includes("3"));
  expect(log).toEqual(["1", "a", "2", "b", "3"]);
  expect(await gets(peer, "\x1eu - 1000 a\n")).toEqual(["\x1es - - a\n", "\x1es - - b\n", "\x1eu - 1000 a\n"]);
});

test("a request waits for onOpen, and for an onMessage that has not settled", async () => {
  const busy = deferred();
  const { open, members } = await topicServer();
  const peer = await open();
  const { log } = members[0]!;
  members[0]!.onMessage = (_ws, { data }) => {
    log.push(data);
    return busy.promise;
  };
  peer.socket.send("1");
  peer.socket.send("\x1es - - a\n");
  await new Promise((resolve) => peer.socket.once("pong", resolve).ping());
  expect(log).toEqual(["1"]);
  busy.resolve();
  await gets(peer, "\x1es - - a\n");
  expect(log).toEqual(["1", "a"]);
});

test.each([
  ["throws", () => expect.fail("no")],
  ["rejects", () => Promise.reject(new Error("no"))],
  ["returns a number", () => 1],
  ["returns an option that does not exist", () => ({ lats: 5 })],
  ["resolves with a wrong option", () => Promise.resolve({ last: -1 })],
])("an onSubscribe that %s is a failure of the handler, as that of onMessage is", async (_what, decide) => {
  const { open, members, wss } = await topicServer({ decide });
  const peer = await open();
  peer.socket.send("\x1es - - a\n");
  peer.socket.send("late");
  expect(await peer.closed).toEqual([1011, ""]);
  expect(members[0]!.log).toEqual(["a", expect.any(Error)]);
  expect(peer.messages).toEqual([]);
  expect(wss.counters.topicRequests).toEqual({ granted: 0, refused: 0, failed: 0, delayed: 0 });
});

test("under a rate limit a request counts as a message", async () => {
  const options = { maxMessagesPerSecond: 2, ratePolicy: "close" };
  const { open, wss } = await topicServer({ options });
  const peer = await open();
  for (let n = 0; n < 9; n++) peer.socket.send(`\x1es - - ${n}\n`);
  expect(await peer.closed).toEqual([1008, "rate exceeded"]);
  expect(wss.counters.limits.maxMessagesPerSecond).toBe(1);
  expect(wss.counters.topicRequests.granted).toBeLessThan(9);
});

test("a turn delivers no more requests than messages", async () => {
  const { open, members, wss } = await topicServer({ options: { maxTopicsPerConnection: 10_000 } });
  const peer = await open();
  const seen: number[] = [];
  const { log } = members[0]!;
  const look = (): void => {
    seen.push(log.length);
    if (log.length < 2_000) setImmediate(look);
  };
  peer.socket.once("message", look);
  peer.socket.send("\x1es - - a\n");
  for (let n = 1; n < 2_000; n++) peer.socket.send(`\x1es - - ${n}\n`);
  await until(() => log.length === 2_000);
  for (const [n, count] of seen.entries()) expect(count - (seen[n - 1] ?? count)).toBeLessThanOrEqual(512);
  expect(wss.counters.topicRequests.granted).toBe(2_000);
});
