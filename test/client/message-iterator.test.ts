import { expect, test } from "vitest";
import { MessageIterator } from "../../src/client/message-iterator.ts";

const terminate = (code: number) =>
  ({ type: "terminate", code, reason: undefined, initiator: "peer", cause: undefined }) as const;
const done = { done: true, value: undefined };

test("a message that comes before next() is kept, and the connection waits until it is taken", async () => {
  const iterator = new MessageIterator();
  let isTaken = false;
  const taken = Promise.resolve(iterator.push("a")).then(() => (isTaken = true));
  await Promise.resolve();
  expect(isTaken).toBe(false);
  expect(await iterator.next()).toEqual({ done: false, value: "a" });
  await taken;
});

test("a message for somebody who waits is handed over at once", async () => {
  const iterator = new MessageIterator();
  const next = iterator.next();
  expect(iterator.push("a")).toBeUndefined();
  expect(await next).toEqual({ done: false, value: "a" });
});

test("after the end of a connection its messages are kept, and nothing waits for them", async () => {
  const iterator = new MessageIterator();
  const first = iterator.push("a");
  iterator.release();
  await first;
  expect(iterator.push("b")).toBeUndefined();
  iterator.hold();
  const third = iterator.push("c");
  expect(third).toBeInstanceOf(Promise);
  const values = [await iterator.next(), await iterator.next(), await iterator.next()];
  expect(values.map(({ value }) => value)).toEqual(["a", "b", "c"]);
  await third;
});

test.each([1000, 1001, 1005])("it ends in order after %i", async (code) => {
  const iterator = new MessageIterator();
  void iterator.push("a");
  const ended = new MessageIterator();
  const waiting = [ended.next(), ended.next()];
  for (const one of [iterator, ended]) one.end(terminate(code), undefined);
  expect(await Promise.all(waiting)).toEqual([done, done]);
  expect([(await iterator.next()).value, await iterator.next()]).toEqual(["a", done]);
});

test("another end is thrown once", async () => {
  const iterator = new MessageIterator();
  iterator.end(terminate(1006), new Error("lost"));
  await expect(iterator.next()).rejects.toThrow("lost");
  expect(await iterator.next()).toEqual(done);
});

test("drop lets the connection go on, and keeps nothing", async () => {
  const iterator = new MessageIterator();
  const pushed = iterator.push("a");
  iterator.drop();
  await pushed;
  expect(iterator.push("b")).toBeUndefined();
  expect(await iterator.next()).toEqual(done);
});

test("after drop no end is thrown, also to somebody who has waited", async () => {
  const iterator = new MessageIterator();
  const waiting = iterator.next();
  iterator.drop();
  iterator.end(terminate(1006), new Error("lost"));
  expect([await waiting, await iterator.next()]).toEqual([done, done]);
});

test("what is kept of connections that have ended has a limit", async () => {
  const iterator = new MessageIterator();
  void iterator.push("a".repeat(16 * 1024 * 1024 + 1));
  iterator.release();
  iterator.hold();
  expect(() => iterator.push("b")).toThrow("More bytes wait");
  await iterator.next();
  expect(iterator.push("b")).toBeInstanceOf(Promise);
});

test.each<[string, (mib: number) => unknown]>([
  ["texts", (mib) => "a".repeat(mib)],
  ["bytes", (mib) => new Uint8Array(mib)],
  ["objects with a long text", (mib) => ({ a: [{ b: "x".repeat(mib) }] })],
  ["objects with a long name", (mib) => ({ ["x".repeat(mib)]: null })],
  ["lists of small objects", (mib) => Array.from({ length: mib / 30 }, () => ({}))],
  ["numbers", (mib) => Array.from({ length: mib / 30 }, (_none, at) => at)],
])("what is kept of connections that have ended is counted, however it is decoded: %s", (_what, make) => {
  for (const isKeptLater of [false, true]) {
    const iterator = new MessageIterator();
    let kept = 0;
    const lose = (): void => {
      iterator.hold();
      if (isKeptLater) iterator.release();
      void iterator.push(make(2 ** 20));
      iterator.release();
      kept++;
    };
    expect(() => {
      while (kept < 50) lose();
    }).toThrow("More bytes wait");
    expect(kept).toBeGreaterThan(8);
    expect(kept).toBeLessThan(18);
  }
});

test("a message that is taken leaves the count by its own size", async () => {
  const iterator = new MessageIterator();
  void iterator.push("small");
  for (let one = 0; one < 17; one++) void iterator.push("a".repeat(2 ** 20));
  iterator.release();
  iterator.hold();
  await iterator.next();
  expect(() => iterator.push("b")).toThrow("More bytes wait");
  await iterator.next();
  await iterator.next();
  expect(iterator.push("b")).toBeInstanceOf(Promise);
});

test("what is nested deeply is counted too", () => {
  const iterator = new MessageIterator();
  void iterator.push(JSON.parse("[".repeat(100_000) + "]".repeat(100_000)));
  expect(() => iterator.release()).not.toThrow();
});

test("after the application has ended the client, the iteration ends without an error", async () => {
  const iterator = new MessageIterator();
  iterator.end({ type: "terminate", code: 1006, reason: undefined, initiator: "local", cause: undefined }, undefined);
  expect(await iterator.next()).toEqual({ done: true, value: undefined });
});

test("one loop takes the messages: a second one throws", () => {
  const iterator = new MessageIterator();
  iterator.take();
  expect(() => iterator.take()).toThrow("one loop at a time");
});
