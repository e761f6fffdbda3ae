import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { WantedTopics } from "../../src/topics/wanted-topics.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
afterEach(() => void vi.useRealTimers());

/** A broker that answers when the test says so. */
function rig({ keepsPackets = false } = {}) {
  const calls: string[] = [];
  const answers: { resolve: () => void; reject: (error: Error) => void }[] = [];
  const failed: unknown[] = [];
  const driver = {
    keepsPackets,
    listen: (add: readonly string[], remove: readonly string[]): Promise<void> => {
      calls.push([...add.map((topic) => `+${topic}`), ...remove.map((topic) => `-${topic}`)].join(" "));
      return keepsPackets ? Promise.resolve() : new Promise((resolve, reject) => answers.push({ resolve, reject }));
    },
  };
  const wanted = new WantedTopics(driver, (_stage, error) => failed.push(error));
  wanted.onReady();
  /** Answers the next call. */
  const answer = async (error?: Error) => {
    const next = answers.shift();
    if (error === undefined) next?.resolve();
    else next?.reject(error);
    await vi.advanceTimersByTimeAsync(0);
  };
  return { wanted, calls, failed, answer };
}

const turn = () => vi.advanceTimersByTimeAsync(0);

test("all topics of a turn are one call, and flow when the broker has answered", async () => {
  const { wanted, calls, answer } = rig();
  wanted.add("a");
  wanted.add("b");
  wanted.add("a");
  const whenA = wanted.whenConfirmed("a");
  await turn();
  expect([calls, wanted.isConfirmed("a")]).toEqual([["+a +b"], false]);
  await answer();
  expect([await whenA, wanted.isConfirmed("b"), await wanted.whenConfirmed("b")]).toEqual([true, true, true]);
});

test("a broker in this process is told at once", () => {
  const { wanted, calls } = rig({ keepsPackets: true });
  wanted.add("a");
  expect([calls, wanted.isConfirmed("a")]).toEqual([["+a"], true]);
  wanted.remove("a");
  expect([calls, wanted.isConfirmed("a")]).toEqual([["+a", "-a"], false]);
});

test("added, removed and added in one turn: it is wanted; added and removed: nothing is told", async () => {
  const { wanted, calls } = rig();
  wanted.add("a");
  wanted.remove("a");
  wanted.add("a");
  wanted.add("b");
  wanted.remove("b");
  await turn();
  expect(calls).toEqual(["+a"]);
});

test("what changes during a call follows when it is answered", async () => {
  const { wanted, calls, answer } = rig();
  wanted.add("a");
  await turn();
  wanted.remove("a");
  wanted.add("a");
  wanted.add("b");
  await turn();
  expect(calls).toEqual(["+a"]);
  await answer();
  expect([calls, wanted.isConfirmed("a"), wanted.isConfirmed("b")]).toEqual([["+a", "+b"], true, false]);
  wanted.remove("b");
  const again = wanted.whenConfirmed("b");
  await answer();
  expect([calls, await again]).toEqual([["+a", "+b", "-b"], false]);
});

test("10,000 topics are told in calls of 512", async () => {
  const { wanted, calls, answer } = rig();
  for (let n = 0; n < 10_000; n++) wanted.add(`t${String(n)}`);
  await turn();
  while (calls.length < 20) await answer();
  await answer();
  expect(calls.map((call) => call.split(" ").length)).toEqual([...Array<number>(19).fill(512), 10_000 - 19 * 512]);
  expect(wanted.isConfirmed("t9999")).toBe(true);
});

test("a subscription waits 5 s for the broker, and not at all when it is away", async () => {
  const { wanted, answer } = rig();
  wanted.add("a");
  const first = wanted.whenConfirmed("a");
  await vi.advanceTimersByTimeAsync(5_000);
  expect(await first).toBe(false);
  const second = wanted.whenConfirmed("a");
  wanted.onAway();
  expect([await second, await wanted.whenConfirmed("a"), vi.getTimerCount()]).toEqual([false, false, 0]);
  await answer();
  expect(await wanted.whenConfirmed("never added")).toBe(false);
});

test("after the broker was away, the topics that it was told of flow again", async () => {
  const { wanted, calls, failed, answer } = rig();
  wanted.add("a");
  await turn();
  wanted.onAway();
  await answer(new Error("away"));
  expect([wanted.isConfirmed("a"), failed]).toEqual([false, [new Error("away")]]);
  wanted.onReady();
  expect([wanted.isConfirmed("a"), calls]).toEqual([true, ["+a"]]);
});

test("a broker that is there and refuses is asked again after a second", async () => {
  const { wanted, calls, answer } = rig();
  wanted.add("a");
  await turn();
  const first = wanted.whenConfirmed("a");
  await answer(new Error("refused"));
  await vi.advanceTimersByTimeAsync(1_000);
  await answer();
  expect(await first).toBe(true);
  expect([calls, wanted.isConfirmed("a")]).toEqual([["+a", "+a"], true]);
});

test("after clear nobody waits, and no timer is left", async () => {
  const { wanted } = rig();
  wanted.add("a");
  const waits = wanted.whenConfirmed("a");
  wanted.clear();
  expect([await waits, vi.getTimerCount()]).toEqual([false, 0]);
});

test("when the broker is ready during a call, the topics of before flow, and those of the call when it is answered", async () => {
  const { wanted, answer } = rig();
  wanted.add("old");
  await turn();
  await answer();
  wanted.onAway();
  wanted.add("new");
  await turn();
  wanted.onReady();
  expect([wanted.isConfirmed("old"), wanted.isConfirmed("new")]).toEqual([true, false]);
  await answer();
  expect(wanted.isConfirmed("new")).toBe(true);
});

test("before the broker is ready nothing flows: it could not be read", async () => {
  const { wanted, answer } = rig();
  wanted.onAway();
  wanted.add("a");
  const patient = wanted.whenConfirmed("a", true);
  await turn();
  await answer();
  expect([wanted.isConfirmed("a"), await wanted.whenConfirmed("a")]).toEqual([false, false]);
  wanted.onReady();
  expect(await patient).toBe(true);
});

test("a broker that has been away for 5 s, also from the start on, is awaited no more until it is there again", async () => {
  const { wanted, answer } = rig();
  for (const topic of ["a", "b", "c"]) wanted.add(topic);
  await turn();
  await answer();
  wanted.onAway();
  vi.advanceTimersByTime(3_000);
  const first = wanted.whenConfirmed("a", true);
  // It goes on being away.
  wanted.onAway();
  vi.advanceTimersByTime(2_000);
  expect([await first, await wanted.whenConfirmed("b", true), vi.getTimerCount()]).toEqual([false, false, 0]);
  wanted.onReady();
  expect(await wanted.whenConfirmed("b", true)).toBe(true);
  wanted.onAway();
  const again = wanted.whenConfirmed("c", true);
  vi.advanceTimersByTime(4_999);
  wanted.onReady();
  expect(await again).toBe(true);
  const late = new WantedTopics({ keepsPackets: false, listen: () => new Promise(() => undefined) }, () => undefined);
  late.add("a");
  vi.advanceTimersByTime(5_000);
  expect(await late.whenConfirmed("a", true)).toBe(false);
});
