import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Driver, Entry } from "../../src/backplane/contract.ts";
import { lostBy } from "../../src/backplane/fork-marker.ts";
import { memory } from "../../src/backplane/memory.ts";
import { memberHead } from "../../src/backplane/member-record.ts";
import { historyPacket, plainPacket } from "../../src/backplane/packet.ts";
import { positionOf } from "../../src/backplane/position.ts";
import { RecordKind, encodeRecord, recordId } from "../../src/backplane/record.ts";
import { HawserError } from "../../src/errors/errors.ts";
import type { Bytes } from "../../src/protocol/bytes.ts";
import { BackplaneNode } from "../../src/topics/backplane-node.ts";
import { HistoryNode } from "../../src/topics/history-node.ts";
import { EPOCH, FakeDriver, entries, entry, idOf, mark } from "../support/fake-driver.ts";
import { Reader, ReaderCalls } from "../support/history-rig.ts";
import { within } from "../support/within.ts";

const RULE = { size: 10, ttl: 1_000_000 };
const LIMITS = {
  maxHistoryMemory: 1_000_000,
  publishTimeout: 5_000,
  maxBackplaneQueue: 1_000,
  limitCounters: { maxBackplaneQueue: 0 },
};
const JOIN = { last: 0, isFramed: false };
const MESSAGE = { isBinary: false, mayCompress: true, id: undefined, except: undefined } as const;

/** Topics with history over a driver, and the node of their server. */
function historyOver(driver: Driver) {
  const calls = new ReaderCalls();
  const server = new BackplaneNode(driver, {
    onHistory: (topic, head, records) => node.onRecords(topic, head, records),
    onRecord: () => false,
    onBeat: () => undefined,
    onLost: (topics) => node.onLost(topics),
    onStatus: () => undefined,
    onFailed: (stage, error) => calls.onFailed(stage, error),
  });
  const node = new HistoryNode(server, calls, LIMITS);
  server.open(false);
  return { calls, node, server };
}

function rig() {
  const driver = new FakeDriver();
  const history = historyOver(driver as unknown as Driver);
  driver.host?.onStatus("ready");
  return { driver, ...history };
}

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
afterEach(() => void vi.useRealTimers());

test("a topic is listened to from its first subscriber on, and for 30 s after its last one", async () => {
  const { driver, node } = rig();
  const [a, b] = [new Reader(1), new Reader(2)];
  await node.subscribe(a, "topic", RULE, JOIN);
  await node.subscribe(b, "topic", RULE, JOIN);
  node.unsubscribe(a, "topic");
  vi.advanceTimersByTime(60_000);
  expect(driver.listened).toEqual(["+topic"]);
  node.unsubscribe(b, "topic");
  vi.advanceTimersByTime(29_000);
  await node.subscribe(a, "topic", RULE, JOIN);
  vi.advanceTimersByTime(60_000);
  expect(driver.listened).toEqual(["+topic"]);
  node.unsubscribe(a, "topic");
  await vi.advanceTimersByTimeAsync(30_001);
  expect(driver.listened).toEqual(["+topic", "-topic"]);
  expect(vi.getTimerCount()).toBe(0);
});

test("messages come to the subscribers, and stay what they were when the driver uses its memory again", async () => {
  const { driver, node } = rig();
  const [a, b] = [new Reader(1), new Reader(2)];
  await node.subscribe(a, "topic", RULE, JOIN);
  driver.store(...entries(1, 3));
  driver.deliver(...entries(1, 3));
  await node.subscribe(b, "topic", RULE, { ...JOIN, last: 2 });
  expect([a.got, b.got]).toEqual([
    ["1", "2", "3"],
    ["2", "3"],
  ]);
});

test("bytes that are not ours are counted, and nothing else happens", async () => {
  const { calls, driver, node, server } = rig();
  const reader = new Reader(1);
  await node.subscribe(reader, "topic", RULE, JOIN);
  const plain = plainPacket([entry(1).record.subarray(1)]);
  for (const bytes of [Buffer.from("garbage"), Buffer.alloc(0), plain]) driver.host?.onPacket("topic", bytes as never);
  expect([server.counters.foreign, reader.got]).toEqual([3, []]);
  const told = () => calls.failures.filter((error) => (error as { code?: unknown }).code === "HWS_BACKPLANE_FOREIGN");
  expect(told().length).toBe(3);
  // A record of another kind in a history.
  const record = memberHead(RecordKind.join, idOf(1)) as unknown as Bytes;
  driver.deliver({ ...entry(1), record });
  expect([node.counters.foreign, server.counters.foreign, told().length]).toEqual([1, 3, 4]);
});

test("what was lost is read when the driver says so, for one topic or for all", async () => {
  const { driver, node } = rig();
  const reader = new Reader(1);
  await node.subscribe(reader, "topic", RULE, JOIN);
  driver.store(entry(1));
  driver.host?.onLost(["topic", "another"]);
  await vi.waitFor(() => expect(reader.got).toEqual(["1"]));
  driver.store(entry(2));
  driver.host?.onLost("all");
  await vi.waitFor(() => expect(reader.got).toEqual(["1", "2"]));
});

test("until a topic was checked after a loss, nobody is told from memory that nothing is missing", async () => {
  const { driver, node, calls } = rig();
  await node.subscribe(new Reader(1), "topic", RULE, JOIN);
  const since = await node.position("topic", RULE);
  const resume = (id: number) => node.subscribe(new Reader(id), "topic", RULE, { ...JOIN, since });
  driver.store(entry(1));
  const refused = new Error("refused");
  driver.before = () => Promise.reject(refused);
  driver.host?.onLost("all");
  await vi.waitFor(() => expect(calls.failures).toContain(refused));
  await expect(resume(2)).rejects.toThrow(refused);
  driver.before = () => Promise.resolve();
  expect(await resume(3)).toMatchObject({ recovered: true, replayed: 1 });
  // It is checked again with the others that are quiet.
  for (let beat = 0; beat < 10; beat++) node.onBeat();
  await vi.waitFor(async () => {
    const before = driver.reads.length;
    await resume(4 + before);
    expect(driver.reads.length).toBe(before);
  });
});

test("a message that could not be stored is counted, and excepts nobody any more", async () => {
  const { driver, node } = rig();
  Object.assign(driver, { append: () => Promise.reject(new Error("away")) });
  const published = node.publish("topic", RULE, { ...MESSAGE, payload: "a", except: new Set() });
  await expect(published).rejects.toThrow("away");
  expect(node.counters).toMatchObject({ published: 1, stored: 0, failed: 1 });
});

/** A broker whose answers the test gives. Returns what it was given, as the messages that would be stored. */
function answering(driver: FakeDriver, answer: () => Promise<unknown>): Entry[] {
  const given: Entry[] = [];
  const append = (_topic: string, _rule: unknown, [record]: readonly Bytes[]) => {
    const { offset, id } = driver.top;
    given.push({ offset: offset + 1, id: recordId(record!), before: id, record: record! });
    return answer();
  };
  Object.assign(driver, { append });
  return given;
}

test("who has published a message that may be stored does not get it when it comes", async () => {
  const { driver, node } = rig();
  const [sender, other] = [new Reader(1), new Reader(2)];
  for (const reader of [sender, other]) await node.subscribe(reader, "topic", RULE, JOIN);
  const given = answering(driver, () => Promise.reject(new HawserError("HWS_PUBLISH_UNCERTAIN")));
  const published = node.publish("topic", RULE, { ...MESSAGE, payload: "m", except: new Set([sender]) });
  await expect(published).rejects.toMatchObject({ code: "HWS_PUBLISH_UNCERTAIN" });
  driver.store(...given);
  driver.host?.onLost("all");
  await vi.waitFor(() => expect(other.got).toEqual(["m"]));
  expect(sender.got).toEqual([]);
});

test("who publishes, and then is the first one who subscribes, does not get the message", async () => {
  const { driver, node } = rig();
  const reader = new Reader(1);
  let answer: (stored: unknown) => void = () => undefined;
  const given = answering(driver, () => new Promise((resolve) => (answer = resolve)));
  const published = node.publish("topic", RULE, { ...MESSAGE, payload: "m", except: new Set([reader]) });
  await node.subscribe(reader, "topic", RULE, JOIN);
  const all = [...given, entry(2, "", given[0]!.id)];
  driver.store(...all);
  driver.deliver(...all);
  answer({ epoch: EPOCH, first: 1, isDuplicate: false });
  expect([await published, reader.got]).toMatchObject([{ offset: 1 }, ["2"]]);
});

test("with memory, who is excepted does not get the message, also when it is a duplicate", async () => {
  const { node, server } = historyOver(memory().createDriver());
  const [a, b] = [new Reader(1), new Reader(2)];
  await node.subscribe(a, "topic", RULE, JOIN);
  await node.subscribe(b, "topic", RULE, JOIN);
  const message = { ...MESSAGE, payload: "text", id: "name", except: new Set([a]) };
  const first = await node.publish("topic", RULE, message);
  expect(await node.publish("topic", RULE, message)).toEqual({ position: undefined, offset: 1, duplicate: true });
  expect([a.got, b.got]).toEqual([[], ["text"]]);
  expect(await node.position("topic", RULE)).toBe(first.position);
  expect(await node.position("empty", RULE)).toMatch(/^[\w-]{8}\.0\.-$/);
  await node.close(within(0));
  await server.close(within(0));
  await expect(node.publish("topic", RULE, message)).rejects.toMatchObject({ code: "HWS_BACKPLANE_AWAY" });
});

test("the epoch of the tests has the form of a real one", () => {
  expect(EPOCH).toMatch(/^[\w-]{8}$/);
});

test("a marker of lost messages that the broker has refused is stored with the next heartbeat", async () => {
  const { driver, node } = rig();
  const reader = new Reader(1);
  await node.subscribe(reader, "topic", RULE, JOIN);
  driver.store(...entries(1, 3));
  driver.deliver(...entries(1, 3));
  let isRefused = true;
  const given = answering(driver, () =>
    isRefused
      ? Promise.reject(new HawserError("HWS_BACKPLANE_FAILED"))
      : Promise.resolve({ epoch: EPOCH, first: 3, isDuplicate: false }),
  );
  driver.stored = entries(1, 2);
  driver.top = mark(2);
  driver.host?.onLost("all");
  await vi.waitFor(() => expect(given).toHaveLength(1));
  await vi.advanceTimersByTimeAsync(0);
  isRefused = false;
  node.onBeat();
  await vi.waitFor(() => expect(given).toHaveLength(2));
  expect(lostBy(given[1]!.record)).toBe(idOf(3));
  // It has come: nothing is left to do.
  driver.store(given[1]!);
  driver.deliver(given[1]!);
  for (let beat = 0; beat < 3; beat++) node.onBeat();
  await vi.advanceTimersByTimeAsync(0);
  expect(given).toHaveLength(2);
});

test("messages that are too old leave the memory to others, also if nothing happens in their topics", async () => {
  const { driver, node } = rig();
  const large = "x".repeat(400_000);
  const deliver = (topic: string): void => {
    const fields = { isBinary: false, mayCompress: true, key: undefined, to: undefined, payload: large };
    const record = encodeRecord({ kind: RecordKind.message, id: idOf(1), ...fields });
    driver.host?.onPacket(topic, historyPacket({ epoch: EPOCH, first: 1, before: idOf(0) }, [record]));
  };
  const rules = { first: RULE, old: { size: 10, ttl: 10_000 }, last: RULE };
  for (const [topic, rule] of Object.entries(rules)) await node.subscribe(new Reader(1), topic, rule, JOIN);
  deliver("first");
  deliver("old");
  vi.advanceTimersByTime(10_001);
  node.onBeat();
  deliver("last");
  const [reads, since] = [driver.reads.length, positionOf(mark(0))];
  for (const topic of ["first", "last"]) {
    const back = new Reader(2);
    expect(await node.subscribe(back, topic, RULE, { ...JOIN, since })).toMatchObject({ recovered: true });
    expect([topic, back.got, driver.reads.length]).toEqual([topic, [large], reads]);
  }
});

test("a quiet topic is checked every ten heartbeats: a message that did not come is read", async () => {
  const { driver, node } = rig();
  const reader = new Reader(1);
  await node.subscribe(reader, "topic", RULE, JOIN);
  driver.store(entry(1));
  for (let beat = 0; beat < 9; beat++) node.onBeat();
  await vi.advanceTimersByTimeAsync(0);
  expect(reader.got).toEqual([]);
  node.onBeat();
  await vi.waitFor(() => expect(reader.got).toEqual(["1"]));
});

test("when more waits than maxBackplaneQueue, publish rejects, and counts", async () => {
  const { driver, node } = rig();
  Object.assign(driver, { append: () => new Promise(() => undefined) });
  node.publish("topic", RULE, { ...MESSAGE, payload: "x".repeat(900) }).catch(() => undefined);
  const full = node.publish("topic", RULE, { ...MESSAGE, payload: "x".repeat(900) });
  await expect(full).rejects.toMatchObject({ code: "HWS_BACKPLANE_FULL" });
  expect(node.counters).toMatchObject({ published: 2, failed: 1, uncertain: 0 });
});

test("a subscription that ends after its topic was forgotten does not end the subscriptions of now", async () => {
  const { driver, node } = rig();
  driver.store(...entries(1, 5));
  const [slow, live] = [new Reader(1), new Reader(2)];
  slow.fates = ["accepted", "slow"];
  const first = node.subscribe(slow, "topic", RULE, { ...JOIN, last: 5 });
  await vi.advanceTimersByTimeAsync(0);
  node.unsubscribe(slow, "topic");
  await vi.advanceTimersByTimeAsync(31_000);
  await node.subscribe(live, "topic", RULE, JOIN);
  slow.drain();
  await first;
  await vi.advanceTimersByTimeAsync(31_000);
  driver.store(entry(6));
  driver.deliver(entry(6));
  expect(live.got).toEqual(["6"]);
});

test("for who has gone before the topic is listened to nothing is read or counted; the next one is subscribed as ever", async () => {
  const { driver, node } = rig();
  const [gone, closing, stays] = [new Reader(1), new Reader(2), new Reader(3)];
  const join = { ...JOIN, since: positionOf({ epoch: EPOCH, offset: 9, id: idOf(9) }), last: 5 };
  driver.store(...entries(1, 3));
  const left = node.subscribe(gone, "topic", RULE, join);
  const closed = node.subscribe(closing, "other", RULE, join);
  node.unsubscribe(gone, "topic");
  closing.isGone = true;
  expect(await left).toMatchObject({ live: false });
  node.unsubscribe(closing, "other");
  expect(await closed).toMatchObject({ live: false });
  expect([driver.reads.length, node.counters.unrecovered]).toEqual([1, 0]);
  expect(await node.subscribe(stays, "topic", RULE, join)).toMatchObject({ live: true, recovered: false });
  expect([stays.got, node.counters.unrecovered]).toEqual([["1", "2", "3"], 1]);
});

test.each([0, 1, 2, 3, 4, 5, 6, 7, 8])(
  "who comes %i turns after one who has gone at once is subscribed",
  async (count) => {
    const { driver, node } = rig();
    driver.store(...entries(1, 3));
    const [gone, stays] = [new Reader(1), new Reader(2)];
    const left = node.subscribe(gone, "topic", RULE, JOIN);
    node.unsubscribe(gone, "topic");
    for (let n = 0; n < count; n++) await Promise.resolve();
    expect(await node.subscribe(stays, "topic", RULE, { ...JOIN, last: 2 })).toMatchObject({ live: true, replayed: 2 });
    expect([(await left).live, stays.got]).toEqual([false, ["2", "3"]]);
  },
);
