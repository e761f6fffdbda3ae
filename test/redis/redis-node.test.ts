import { expect, test } from "vitest";
import { Names } from "../../src/redis/names.ts";
import { RedisNode } from "../../src/redis/redis-node.ts";
import { memory } from "../../src/backplane/memory.ts";
import { TestNode } from "../support/backplane/node.ts";
import { bytesOf } from "../support/backplane/records.ts";
import { until } from "../support/backplane/until.ts";
import { FakeLibrary } from "../support/redis/fake-connection.ts";
import { within } from "../support/within.ts";

const packet = bytesOf(Uint8Array.of(0x11));

interface Rig {
  readonly library: FakeLibrary;
  readonly host: TestNode;
  readonly node: RedisNode;
}

async function open(): Promise<Rig> {
  const library = new FakeLibrary();
  const host = new TestNode(memory());
  const node = new RedisNode({ library, prefix: "p", host, node: host.name });
  expect(node.send("t", packet)).toBe(false);
  node.open();
  await until("ready", () => host.statuses.includes("ready"));
  return { library, host, node };
}

test("packets of others are handed over, our own are not, and what is not wanted is not", async () => {
  const { library, host, node } = await open();
  await node.subscriptions.listen(["t"], []);
  const { channel } = new Names("p").channel("t");
  expect(node.send("t", packet)).toBe(true);
  const sent = library.connections[0]!.sent.at(-1)!.args;
  expect(sent.slice(0, 2)).toEqual(["publish", channel]);
  library.message(channel, sent[2] as Buffer);
  expect(host.packets).toEqual([]);
  const [, ...rest] = sent[2] as Buffer;
  library.message(channel, Buffer.from([0x10, rest[0]! ^ 1, ...rest.slice(1)]));
  library.message("p:{0}:all", Buffer.of(0x12));
  library.message("p:{0}:c:other", Buffer.of(0x12));
  expect(host.packets.map(({ topic, packet: { 0: first } }) => [topic, first])).toEqual([
    ["t", 0x11],
    [undefined, 0x12],
  ]);
  await node.close(within(0));
  library.message(channel, Buffer.of(0x12));
  expect(host.packets.length).toBe(2);
  expect(node.send("t", packet)).toBe(false);
});

test("an error of the host's callback is told, and a refused packet too", async () => {
  const { library, host, node } = await open();
  host.onNext = () => {
    throw new Error("no");
  };
  library.message("p:{0}:all", Buffer.of(0x12));
  expect(host.failures).toEqual([["decode", new Error("no")]]);
  library.answer = () => new Error("NOPERM no");
  expect(node.send(undefined, packet)).toBe(true);
  await until("the refusal", () => host.failures.length === 2);
  expect(host.failures[1]).toMatchObject(["publish", { code: "HWS_BACKPLANE_FAILED" }]);
  await node.close(within(0));
});

test("a lease that had run out is told once, also if a new link has found it", async () => {
  const { library, host, node } = await open();
  expect(await node.beat()).toEqual({ alive: [], expired: [], wasExpired: false });
  const { answer } = library;
  library.answer = (args, connection) => (args[0] === "evalsha" ? [1, [], []] : answer(args, connection));
  library.cut("cut");
  await until("ready again", () => host.statuses.filter((status) => status === "ready").length === 2);
  expect([host.statuses, host.lost]).toEqual([["ready", "away", "ready"], ["all"]]);
  library.answer = answer;
  expect((await node.beat()).wasExpired).toBe(true);
  expect((await node.beat()).wasExpired).toBe(false);
  await node.close(within(0));
  expect(host.statuses.at(-1)).toBe("closed");
});

test("rules are compared with the first link, and only noted with the next ones", async () => {
  const library = new FakeLibrary();
  const { answer } = library;
  const noted: string[] = [];
  library.answer = (args, connection) => {
    if (args[0] !== "set") return answer(args, connection);
    noted.push(args.slice(1).join(" "));
    return Buffer.from('{"t":{"size":5}}');
  };
  const host = new TestNode(memory());
  const node = new RedisNode({ library, prefix: "p", host, node: host.name });
  node.open();
  const ready = (): number => host.statuses.filter((status) => status === "ready").length;
  await until("ready", () => ready() === 1);
  expect(host.failures).toMatchObject([["read", { code: "HWS_BACKPLANE_MISMATCH" }]]);
  library.answer = (args, connection) => (args[0] === "set" ? new Error("OOM no") : answer(args, connection));
  library.cut("cut");
  await until("ready, although Redis is full", () => ready() === 2);
  library.answer = (args, connection) => {
    if (args[0] !== "set") return answer(args, connection);
    noted.push(args.slice(1).join(" "));
    // Redis had lost them: they are noted.
    return Buffer.from("OK");
  };
  library.cut("cut");
  await until("ready again", () => ready() === 3);
  expect([noted, host.failures.length]).toEqual([["p:{0}:rules {} get", "p:{0}:rules {} nx"], 1]);
  await node.close(within(0));
});

test("a lease that had run out is told also if the probe of that heartbeat was lost", async () => {
  const { library, host, node } = await open();
  const { answer } = library;
  const isBeat = (args: readonly unknown[]): boolean => args[0] === "evalsha";
  library.answer = (args, connection) => {
    if (isBeat(args)) return [1, [], []];
    return args[0] === "publish" ? new Error("Connection is closed.") : answer(args, connection);
  };
  await expect(node.beat()).rejects.toMatchObject({ code: "HWS_BACKPLANE_AWAY" });
  library.answer = answer;
  await until("ready again", () => host.statuses.filter((status) => status === "ready").length === 2);
  expect((await node.beat()).wasExpired).toBe(true);
  await node.close(within(0));
});
