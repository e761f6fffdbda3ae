import fc from "fast-check";
import { expect, test } from "vitest";
import { type WaitingPolicy, WaitingQueue } from "../../src/client/waiting-queue.ts";

const limits = { maxQueue: 300, maxQueueAge: 1_000 };

function queueOf(queuePolicy: WaitingPolicy, changed: Partial<typeof limits> = {}) {
  const clock = { now: 0 };
  const queue = new WaitingQueue<string>({ ...limits, ...changed, queuePolicy }, () => clock.now);
  const add = (message: string, size = 100, key?: string): boolean => queue.add({ message, size, key });
  const rest = (): string[] => {
    const taken: string[] = [];
    for (let one = queue.take(); one !== undefined; one = queue.take()) taken.push(one);
    return taken;
  };
  return { queue, clock, add, rest };
}

test("drop-oldest makes space for a new message", () => {
  const { queue, add, rest } = queueOf("drop-oldest");
  expect(["1", "2", "3", "4"].map((one) => add(one))).toEqual([true, true, true, true]);
  expect(queue.dropped).toBe(1);
  expect(rest()).toEqual(["2", "3", "4"]);
});

test("drop-newest refuses a new message", () => {
  const { queue, add, rest } = queueOf("drop-newest");
  expect(["1", "2", "3", "4"].map((one) => add(one))).toEqual([true, true, true, false]);
  expect(queue.dropped).toBe(1);
  expect(rest()).toEqual(["1", "2", "3"]);
});

test("latest keeps the newest message of each key, and those without a key share one", () => {
  const { queue, add, rest } = queueOf("latest");
  add("a1", 100, "a");
  add("b1", 100, "b");
  add("a2", 100, "a");
  add("none 1");
  add("none 2");
  expect(queue.dropped).toBe(2);
  expect(rest()).toEqual(["b1", "a2", "none 2"]);
});

test.each(["drop-oldest", "drop-newest", "latest"] as const)(
  "%s: a message above the limit drops no other",
  (policy) => {
    const { add, rest } = queueOf(policy);
    add("1", 100, "a");
    expect(add("big", 301, "b")).toBe(false);
    expect(rest()).toEqual(["1"]);
  },
);

test("a message that has waited too long is dropped", () => {
  const { queue, clock, add, rest } = queueOf("drop-oldest");
  add("old");
  clock.now = 1;
  add("young");
  clock.now = 1_001;
  expect(rest()).toEqual(["young"]);
  expect(queue.dropped).toBe(1);
});

test("empty messages have a limit too", () => {
  const { queue, add } = queueOf("drop-newest");
  for (let count = 0; count < 100; count++) add("", 0);
  expect(queue.length).toBe(4);
  expect(queue.bytes).toBeLessThanOrEqual(300);
});

test("clear drops everything, empty messages too", () => {
  const { queue, add } = queueOf("drop-oldest");
  add("", 0);
  add("1");
  queue.clear();
  expect([queue.length, queue.bytes, queue.dropped]).toEqual([0, 0, 2]);
});

test("it keeps what a simple model keeps, and each message leaves once", () => {
  const step = fc.oneof(
    fc.record({
      do: fc.constant("add" as const),
      size: fc.integer({ min: 0, max: 400 }),
      key: fc.constantFrom("a", "b", "c"),
    }),
    fc.record({ do: fc.constant("take" as const) }),
    fc.record({ do: fc.constant("wait" as const), ms: fc.integer({ min: 0, max: 700 }) }),
  );
  const policies = fc.constantFrom<WaitingPolicy[]>("drop-oldest", "drop-newest", "latest");
  fc.assert(
    fc.property(policies, fc.array(step, { maxLength: 40 }), (policy, steps) => {
      const { queue, clock, add } = queueOf(policy);
      let model: { message: string; size: number; key: string; at: number }[] = [];
      let added = 0;
      let taken = 0;
      const bytes = (): number => model.reduce((sum, { size }) => sum + size, 0);
      const dropOld = (): void => void (model = model.filter(({ at }) => at >= clock.now - limits.maxQueueAge));
      for (const one of steps) {
        if (one.do === "wait") clock.now += one.ms;
        else if (one.do === "take") {
          dropOld();
          const message = queue.take();
          expect(message).toBe(model.shift()?.message);
          if (message !== undefined) taken++;
        } else {
          const message = String(added++);
          const size = Math.max(64, one.size);
          dropOld();
          if (policy === "latest") model = model.filter(({ key }) => key !== one.key);
          while (policy !== "drop-newest" && size <= limits.maxQueue && bytes() + size > limits.maxQueue) model.shift();
          const fits = bytes() + size <= limits.maxQueue;
          if (fits) model.push({ message, size, key: one.key, at: clock.now });
          expect(add(message, one.size, one.key)).toBe(fits);
          expect([queue.length, queue.bytes]).toEqual([model.length, bytes()]);
        }
        expect(queue.length + queue.dropped + taken).toBe(added);
      }
    }),
  );
});
