import { expect, test } from "vitest";
import { Pair } from "../../src/redis/pair.ts";
import { MAX_TICKS } from "../../src/redis/pending-calls.ts";
import { FakeConnection } from "../support/redis/fake-connection.ts";

const codeOf = (error: unknown): unknown => (error as { code?: unknown }).code;
const isDone = (promise: Promise<unknown>): Promise<unknown> =>
  Promise.race([promise.then(() => true), new Promise((resolve) => setImmediate(() => resolve(false)))]);

interface Rig {
  readonly pair: Pair;
  readonly commands: FakeConnection;
  readonly subscriber: FakeConnection;
  readonly messages: string[];
  readonly ends: unknown[];
}

function rig(): Rig {
  const connections: FakeConnection[] = [];
  const messages: string[] = [];
  const ends: unknown[] = [];
  const master = {
    partitions: [7],
    connect: (events: ConstructorParameters<typeof FakeConnection>[0]) => {
      connections.push(new FakeConnection(events, ([name]) => (name === "publish" ? undefined : "OK")));
      return connections.at(-1)!;
    },
  };
  const events = {
    onMessage: (channel: Buffer, message: Buffer) => messages.push(`${String(channel)} ${String(message)}`),
    onEnd: (reason: unknown) => ends.push(reason),
  };
  const pair = new Pair(master, { probe: "x", publish: "publish", backlog: { bytes: 0 }, events });
  return { pair, commands: connections[0]!, subscriber: connections[1]!, messages, ends };
}

const come = ({ subscriber }: Rig, channel: string, message: string): void =>
  subscriber.events.onMessage(Buffer.from(channel), Buffer.from(message));

test("it connects both, and listens to its probes", async () => {
  const { pair, commands, subscriber } = rig();
  await pair.open();
  expect(pair.partitions).toEqual([7]);
  expect(new Set(commands.names)).toEqual(new Set(["script"]));
  expect(subscriber.sent.map(({ args }) => args)).toEqual([["subscribe", "x"]]);
});

test("a probe needs the answer and the message", async () => {
  const all = rig();
  const probe = all.pair.probe();
  expect(all.commands.sent.at(-1)?.args).toEqual(["publish", "x", "1"]);
  all.commands.sent.at(-1)?.resolve(1);
  expect(await isDone(probe)).toBe(false);
  come(all, "x", "7");
  expect(await isDone(probe)).toBe(false);
  come(all, "x", "1");
  await probe;
  // A later one stands for those that never came.
  const later = [all.pair.probe(), all.pair.probe()];
  for (const { resolve } of all.commands.sent) resolve(1);
  come(all, "x", "3");
  await Promise.all(later);
  expect(all.messages).toEqual([]);
});

test("messages of other channels are handed on", () => {
  const all = rig();
  come(all, "c", "1");
  expect(all.messages).toEqual(["c 1"]);
});

test("a subscription that does not answer is seen, and fails when it ends", async () => {
  const { pair, commands, subscriber } = rig();
  const probe = pair.probe().catch(codeOf);
  for (let i = 1; i < MAX_TICKS; i++) expect(pair.tick()).toBe(false);
  expect(pair.tick()).toBe(true);
  pair.end();
  expect(await probe).toBe("HWS_BACKPLANE_AWAY");
  expect(await pair.subscribe(["c"]).catch(codeOf)).toBe("HWS_BACKPLANE_AWAY");
  expect([commands.isDestroyed, subscriber.isDestroyed]).toEqual([true, true]);
});

test("a refused subscription is an error of the library", async () => {
  const subscriber = new FakeConnection(
    { onMessage: () => undefined, onEnd: () => undefined },
    () => new Error("NOPERM no"),
  );
  const events = { onMessage: () => undefined, onEnd: () => undefined };
  const options = { probe: "x", publish: "publish", backlog: { bytes: 0 }, events } as const;
  const pair = new Pair({ partitions: [0], connect: () => subscriber }, options);
  expect(await pair.subscribe(["c"]).catch(codeOf)).toBe("HWS_BACKPLANE_FAILED");
  expect(await pair.unsubscribe(["c"]).catch(codeOf)).toBe("HWS_BACKPLANE_FAILED");
});

test("the end of either connection is told", () => {
  const { commands, subscriber, ends } = rig();
  commands.events.onEnd("one");
  subscriber.events.onEnd("two");
  expect(ends).toEqual(["one", "two"]);
});
