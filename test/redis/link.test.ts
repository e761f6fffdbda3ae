import { expect, test } from "vitest";
import { Link } from "../../src/redis/link.ts";
import { Names } from "../../src/redis/names.ts";
import { COMMON } from "../../src/redis/partitions.ts";
import { MAX_TICKS } from "../../src/redis/pending-calls.ts";
import { FakeConnection, FakeLibrary } from "../support/redis/fake-connection.ts";

const codeOf = (error: unknown): unknown => (error as { code?: unknown }).code;
const names = new Names("p");

function linkOf(library: FakeLibrary): Link {
  return new Link({ library, names, node: "nodename", backlog: { bytes: 0 }, onMessage: () => undefined }, 1);
}

const subscribed = ({ connections }: FakeLibrary): string[][] =>
  connections.flatMap(({ sent }) =>
    sent.filter(({ args }) => args[0] === "subscribe").map(({ args }) => args.slice(1).map(String)),
  );

test("it connects to each server twice, and listens to the channel for all", async () => {
  const library = new FakeLibrary(3);
  const link = linkOf(library);
  await link.open();
  expect(library.connections.length).toBe(6);
  expect(link.publish).toBe("spublish");
  expect(subscribed(library).flat()).toContain("p:{0}:all");
  expect(subscribed(library).length).toBe(4);
  expect(link.hasEnded).toBe(false);
  link.end("over");
  expect(library.connections.every(({ isDestroyed }) => isDestroyed)).toBe(true);
});

test("one server gets all channels in one command, a cluster those of one partition", async () => {
  const channels = ["a", "b", "c", "d"].map((topic) => names.channel(topic));
  for (const servers of [1, 3]) {
    const library = new FakeLibrary(servers);
    const link = linkOf(library);
    await link.open();
    const before = subscribed(library).length;
    await link.subscribe(channels);
    await link.unsubscribe(channels);
    expect(subscribed(library).length - before).toBe(servers === 1 ? 1 : 4);
    link.end("over");
  }
});

test("the first reason for its end counts, and nothing can be done afterwards", async () => {
  const library = new FakeLibrary();
  const link = linkOf(library);
  expect(() => link.commands(COMMON)).toThrow(/cannot be reached/);
  await link.open();
  expect(link.commands(COMMON)).toBe(link.commands(0));
  library.cut("first");
  link.end("second");
  expect([await link.ended, link.hasEnded]).toEqual(["first", true]);
  expect(() => link.commands(COMMON)).toThrow(/cannot be reached/);
  expect(await link.probe().catch(codeOf)).toBe("HWS_BACKPLANE_AWAY");
});

test("it ends when the servers are not found in time, or do not answer", async () => {
  const library = new FakeLibrary();
  let found: (value: unknown) => void = () => undefined;
  library.found = new Promise((resolve) => (found = resolve));
  const link = linkOf(library);
  const opening = link.open().catch(codeOf);
  for (let i = 1; i < MAX_TICKS; i++) link.tick();
  expect(link.hasEnded).toBe(false);
  link.tick();
  expect(await link.ended).toMatchObject({ message: "Redis does not answer" });
  found(undefined);
  expect([await opening, library.connections]).toEqual(["HWS_BACKPLANE_AWAY", []]);

  const silent = new FakeLibrary();
  silent.answer = () => undefined;
  const other = linkOf(silent);
  const failed = other.open().catch(codeOf);
  await new Promise((resolve) => setImmediate(resolve));
  for (let i = 0; i <= MAX_TICKS; i++) other.tick();
  expect(await failed).toBe("HWS_BACKPLANE_AWAY");
});

test("it is idle when all commands have their answers", async () => {
  const library = new FakeLibrary(2);
  const link = linkOf(library);
  await link.open();
  await link.idle();
  library.answer = () => undefined;
  const command = link.commands(0).command(["get"]);
  let isIdle = false;
  const idle = link.idle().then(() => (isIdle = true));
  await new Promise((resolve) => setImmediate(resolve));
  expect(isIdle).toBe(false);
  library.connections[0]!.sent.at(-1)!.resolve(1);
  await Promise.all([command, idle]);
  link.end("over");
});

test.each([1, 2, 3])(
  "when connection %i cannot even be made, the others are ended, and no rejection is left",
  async (last) => {
    const library = new FakeLibrary(2);
    library.connect = (events) => {
      if (library.connections.length === last) throw new Error("no socket");
      return new FakeConnection(events, () => "OK", Promise.reject(new Error("connect ECONNREFUSED")));
    };
    const link = linkOf(library);
    await expect(link.open()).rejects.toThrow("no socket");
    link.end("over");
    expect(library.connections.map(({ isDestroyed }) => isDestroyed)).toEqual(Array.from({ length: last }, () => true));
  },
);
