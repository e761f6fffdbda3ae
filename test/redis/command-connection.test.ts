import { expect, test } from "vitest";
import { CommandConnection } from "../../src/redis/command-connection.ts";
import { scripts } from "../../src/redis/scripts.ts";
import { until } from "../support/backplane/until.ts";
import { FakeConnection, noEvents } from "../support/redis/fake-connection.ts";

const codeOf = (error: unknown): unknown => (error as { code?: unknown }).code;
const NOSCRIPT = new Error("NOSCRIPT No matching script");

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

interface Rig {
  readonly fake: FakeConnection;
  readonly backlog: { bytes: number };
  readonly broken: unknown[];
  readonly commands: CommandConnection;
}

function rig(): Rig {
  const fake = new FakeConnection(noEvents, ([name]) => (name === "script" ? "OK" : undefined));
  const backlog = { bytes: 0 };
  const broken: unknown[] = [];
  return { fake, backlog, broken, commands: new CommandConnection(fake, backlog, (reason) => broken.push(reason)) };
}

const call = (name: string, topic = "t") => ({ script: scripts.append, keys: ["k"], args: [name], topic });

/** The last argument of each call of a script that was sent. */
const called = ({ sent }: FakeConnection): string[] =>
  sent.filter(({ args }) => args[0] === "evalsha").map(({ args }) => String(args.at(-1)));

test("it loads all scripts when it is opened", async () => {
  const { fake, commands } = rig();
  await commands.open();
  expect(fake.sent.map(({ args }) => args[2])).toEqual(Object.values(scripts).map(({ source }) => source));
});

test("what was not done for want of its script is done later, before all later calls", async () => {
  const { fake, commands } = rig();
  const answers = ["1", "2", "3"].map((name) => commands.script(call(name)));
  expect(called(fake)).toEqual(["1", "2", "3"]);
  fake.sent[0]!.reject(NOSCRIPT);
  await turn();
  answers.push(commands.script(call("4")));
  fake.sent[1]!.reject(NOSCRIPT);
  fake.sent[2]!.reject(NOSCRIPT);
  await until("all again", () => called(fake).length === 7);
  expect(called(fake).slice(3)).toEqual(["1", "2", "3", "4"]);
  for (const [i, { resolve }] of fake.sent.filter(({ args }) => args[0] === "evalsha").entries()) resolve(i);
  expect(await Promise.all(answers)).toEqual([3, 4, 5, 6]);
});

test("if a later call of the same topic was done meanwhile, the earlier one is refused", async () => {
  const { fake, commands } = rig();
  const [first, second] = [commands.script(call("1")).catch(codeOf), commands.script(call("2", "u"))];
  const third = commands.script(call("3"));
  fake.sent[0]!.reject(NOSCRIPT);
  fake.sent[1]!.reject(NOSCRIPT);
  fake.sent[2]!.resolve("done");
  expect([await third, await first]).toEqual(["done", "HWS_BACKPLANE_FAILED"]);
  await until("the second again", () => called(fake).length === 4);
  fake.sent.at(-1)!.resolve("done");
  expect(await second).toBe("done");
});

test("a server that never knows a script refuses", async () => {
  const fake = new FakeConnection(noEvents, ([name]) => (name === "script" ? "OK" : NOSCRIPT));
  const commands = new CommandConnection(fake, { bytes: 0 }, () => undefined);
  expect(await commands.script(call("1")).catch(codeOf)).toBe("HWS_BACKPLANE_FAILED");
  expect(called(fake).length).toBe(4);
});

test("if the scripts cannot be loaded, those that wait fail", async () => {
  const gone = new Error("Connection is closed.");
  const fake = new FakeConnection(noEvents, ([name]) => (name === "script" ? gone : NOSCRIPT));
  const broken: unknown[] = [];
  const commands = new CommandConnection(fake, { bytes: 0 }, (reason) => broken.push(reason));
  expect(await commands.script({ ...call("1"), lost: "HWS_PUBLISH_UNCERTAIN" }).catch(codeOf)).toBe(
    "HWS_BACKPLANE_AWAY",
  );
  expect(broken).toEqual([gone]);
});

test("bytes count until the answer comes", async () => {
  const { fake, backlog, commands } = rig();
  expect(commands.isFull).toBe(false);
  const sent = commands.command(["publish", "c", Buffer.alloc(16 * 1024 * 1024)]);
  expect(commands.isFull).toBe(true);
  const other = commands.script(call("x".repeat(100)));
  fake.sent[0]!.resolve(1);
  await sent;
  expect([commands.isFull, backlog.bytes > 100]).toEqual([false, true]);
  fake.sent[1]!.reject(new Error("OOM no"));
  expect([await other.catch(codeOf), backlog.bytes]).toEqual(["HWS_BACKPLANE_FAILED", 0]);
});

test("an error of the connection breaks it; an answer does not", async () => {
  const { fake, broken, commands } = rig();
  const [one, two] = [
    commands.command(["get"]).catch(codeOf),
    commands.script({ ...call("1"), lost: "HWS_PUBLISH_UNCERTAIN" }),
  ];
  fake.sent[0]!.reject(new Error("NOPERM no"));
  expect([await one, broken]).toEqual(["HWS_BACKPLANE_FAILED", []]);
  const gone = new Error("Socket closed unexpectedly");
  fake.sent[1]!.reject(gone);
  expect([await two.catch(codeOf), broken]).toEqual(["HWS_PUBLISH_UNCERTAIN", [gone]]);
});

test("when it ends, what was sent is lost, and what waited was not done", async () => {
  const { fake, commands } = rig();
  const lost = { lost: "HWS_PUBLISH_UNCERTAIN" } as const;
  const calls = ["1", "2"].map((name) => commands.script({ ...call(name), ...lost }).catch(codeOf));
  fake.sent[0]!.reject(NOSCRIPT);
  await turn();
  calls.push(commands.script({ ...call("3"), ...lost }).catch(codeOf));
  commands.end();
  expect(await Promise.all(calls)).toEqual(["HWS_BACKPLANE_AWAY", "HWS_PUBLISH_UNCERTAIN", "HWS_BACKPLANE_AWAY"]);
  expect(fake.isDestroyed).toBe(true);
  await commands.idle();
  expect(commands.tick()).toBe(false);
});
