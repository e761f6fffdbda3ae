import { expect, test } from "vitest";
import type { Mark, Top } from "../../src/backplane/contract.ts";
import { HawserError } from "../../src/errors/errors.ts";
import { NOWHERE } from "../../src/topics/chain.ts";
import { type CheckedTopic, checkTops } from "../../src/topics/top-check.ts";
import { mark } from "../support/fake-driver.ts";
import { turns } from "../support/wire.ts";

/** A topic, and what was done to it. */
class Topic implements CheckedTopic {
  static reading = 0;
  static most = 0;
  readonly topic: string;
  last: Mark;
  reads = 0;
  fails: Error | undefined;

  constructor(topic: string, last: Mark) {
    this.topic = topic;
    this.last = last;
  }

  async sync(): Promise<void> {
    this.reads++;
    Topic.most = Math.max(Topic.most, ++Topic.reading);
    await turns();
    Topic.reading--;
    if (this.fails !== undefined) throw this.fails;
  }
}

const topicsOf = (count: number): Topic[] => Array.from({ length: count }, (_, i) => new Topic(String(i), mark(5)));

/** A broker that has this for every topic, and the numbers of topics that it was asked for. */
function brokerOf(top: (topic: string) => Top) {
  const asked: number[] = [];
  const tops = (topics: readonly string[]): Promise<Top[]> => {
    asked.push(topics.length);
    return Promise.resolve(topics.map(top));
  };
  return { asked, tops };
}

/** Notes which topics are checked. */
function listenerOf(onFailed: (error: unknown) => void = () => expect.unreachable()) {
  const checked: string[] = [];
  return { checked, onChecked: ({ topic }: CheckedTopic) => checked.push(topic), onFailed };
}

test("only topics whose newest message is another one are read", async () => {
  const topics = topicsOf(10_000);
  const changed = new Map([
    ["1", mark(6)],
    ["2", mark(4)],
    ["3", mark(5, "x")],
    ["4", { ...mark(5), epoch: "epoch--2" }],
    ["9999", undefined],
  ]);
  const broker = brokerOf((topic) => (changed.has(topic) ? changed.get(topic) : { ...mark(5) }));
  const listener = listenerOf();
  await checkTops(broker, topics, listener);
  expect(new Set(listener.checked).size).toBe(10_000);
  expect(topics.filter(({ reads }) => reads > 0).map(({ topic }) => topic)).toEqual([...changed.keys()]);
  expect(broker.asked.length).toBe(20);
});

test("few are read at the same time", async () => {
  const topics = topicsOf(1_000);
  Topic.most = 0;
  await checkTops(
    brokerOf(() => mark(6)),
    topics,
    listenerOf(),
  );
  expect([topics.every(({ reads }) => reads === 1), Topic.most]).toEqual([true, 64]);
});

test("a topic that was not read yet, or got its next message meanwhile, is not read", async () => {
  const [fresh, live] = [new Topic("fresh", NOWHERE), new Topic("live", mark(5))];
  const broker = brokerOf(() => mark(5));
  const listener = listenerOf();
  const checked = checkTops(broker, [fresh, live], listener);
  live.last = mark(6);
  await checked;
  expect([fresh.reads, live.reads, broker.asked, listener.checked]).toEqual([0, 0, [1], ["fresh", "live"]]);
});

test("a topic that cannot be read does not stop the others, a broker that is away does", async () => {
  const topics = topicsOf(200);
  const failures: unknown[] = [];
  topics[0]!.fails = new Error("WRONGTYPE");
  const broker = brokerOf(() => mark(6));
  const listener = listenerOf((error) => failures.push(error));
  await checkTops(broker, topics, listener);
  expect([topics.every(({ reads }) => reads === 1), failures]).toEqual([true, [topics[0]!.fails]]);
  expect([listener.checked.length, listener.checked.includes("0")]).toEqual([199, false]);
  for (const topic of topics) topic.fails = new HawserError("HWS_BACKPLANE_AWAY");
  await expect(checkTops(broker, topics, listenerOf())).rejects.toThrow(HawserError);
  await turns();
  expect(topics.filter(({ reads }) => reads === 2).length).toBe(64);
});

test("a topic of which the broker cannot tell is read, and a call that fails does not stop the next ones", async () => {
  const topics = topicsOf(1_024);
  const refused = new Error("refused");
  const failures: unknown[] = [];
  const listener = listenerOf((error) => failures.push(error));
  let calls = 0;
  const tops = (names: readonly string[]): Promise<Top[]> =>
    calls++ === 0 ? Promise.reject(refused) : Promise.resolve(names.map((name) => (name === "600" ? null : mark(5))));
  await checkTops({ tops }, topics, listener);
  expect([failures, listener.checked.length]).toEqual([[refused], 512]);
  expect(topics.filter(({ reads }) => reads > 0).map(({ topic }) => topic)).toEqual(["600"]);
});
