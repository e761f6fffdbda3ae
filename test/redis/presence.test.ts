import { expect, test } from "vitest";
import { decodeRecord } from "../../src/backplane/record.ts";
import type { ScriptCall } from "../../src/redis/command-connection.ts";
import type { Link } from "../../src/redis/link.ts";
import { Names } from "../../src/redis/names.ts";
import { RedisPresence } from "../../src/redis/presence.ts";
import { scripts } from "../../src/redis/scripts.ts";
import { bytesOf } from "../support/backplane/records.ts";
import { turns } from "../support/wire.ts";

const NODE = "nodename";
const presence = new RedisPresence(new Names("p"), NODE);

interface Answers {
  readonly script?: (call: ScriptCall) => unknown;
  readonly command?: (args: readonly unknown[]) => unknown;
}

function linkOf({ script = () => 1, command = () => [] }: Answers): {
  link: Link;
  calls: ScriptCall[];
  sent: unknown[][];
} {
  const calls: ScriptCall[] = [];
  const sent: unknown[][] = [];
  const commands = {
    async script(call: ScriptCall) {
      calls.push(call);
      return script(call);
    },
    async command(args: readonly unknown[]) {
      sent.push([...args]);
      return command(args);
    },
  };
  return { link: { publish: "publish", commands: () => commands } as unknown as Link, calls, sent };
}

const page = (cursor: string, ...fields: string[]): unknown => [
  Buffer.from(cursor),
  fields.map((field) => Buffer.from(field)),
];

test("a member is listed with the head of the record that tells of him", async () => {
  const { link, calls } = linkOf({});
  await presence.join(link, "t", 7, { id: "a\nb", data: undefined }, false);
  await presence.join(link, "t", 7, { id: "ann", data: "[1]" }, true);
  const [loud, quiet] = calls.map(({ args }) => args);
  expect(loud!.slice(2, 5)).toEqual([JSON.stringify("a\nb"), "", "t"]);
  expect([loud![0], quiet![0], quiet![3], quiet![7]]).toEqual([`${NODE}7`, `${NODE}7`, "[1]", ""]);
  expect(decodeRecord(bytesOf(loud![7] as Buffer))?.payload.length).toBe(0);
  const life = loud![1];
  presence.renew();
  await presence.join(link, "t", 7, { id: "ann", data: "[1]" }, true);
  expect(calls[2]!.args[1]).not.toBe(life);
});

test("who is present comes from all pages, without what is no row, in the order in which they came", async () => {
  const pages = [
    page("5", "nodename2", 'lifelife12\n"bob"\n', "nodename1", 'lifelife3\n"ann"\n{"n":\n1}', "nodename9", "garbage"),
    page(
      "0",
      "othernod1",
      'lifelife4\n"ann"\n2',
      "deadnode1",
      'lifelife1\n"eve"\n',
      "nodename4",
      "lifelife3\nno JSON\n",
      "nodename3",
      "lifelife3\n12\n",
    ),
  ];
  const rows = linkOf({ command: () => pages.shift(), script: () => [Buffer.from("othernod")] });
  expect(await presence.members(rows.link, "t", 10)).toEqual({
    total: 2,
    members: [
      { id: "ann", data: "2", connections: 2 },
      { id: "bob", data: undefined, connections: 1 },
    ],
  });
  expect(rows.sent.map((args) => args[2])).toEqual(["0", "5"]);
});

test("a heartbeat tells who lives", async () => {
  const { link, calls } = linkOf({ script: () => [1, [Buffer.from("a")], [Buffer.from("b")]] });
  expect(await presence.beat(link)).toEqual({ state: 1, alive: ["a"], expired: ["b"] });
  expect(calls[0]!.args).toEqual([NODE, "10000"]);
});

test("one node removes what an expired one has left, in all partitions", async () => {
  const other = linkOf({ script: () => 0 });
  await presence.reap(other.link, "deadnode");
  expect([other.calls.length, other.sent]).toEqual([1, []]);
  let topics = ["t", "gone"].map((topic) => Buffer.from(topic));
  let [asked, most] = [0, 0];
  const { link, calls, sent } = linkOf({
    command: async ([name, key]) => {
      most = Math.max(most, ++asked);
      await turns();
      asked--;
      if (name === "hscan")
        return String(key).endsWith(":t") ? page("0", "deadnode1", 'lifelife1\n"eve"\n') : page("0");
      const found = topics;
      topics = [];
      return found;
    },
  });
  await presence.reap(link, "deadnode");
  expect(calls.map(({ script }) => script)).toEqual([scripts.claim, scripts.leave, scripts.reaped]);
  expect(calls[1]!.args.slice(0, 3)).toEqual(["deadnode1", "lifelife", "t"]);
  expect([sent.filter(([name]) => name === "smembers").length, most]).toEqual([256, 16]);
  expect(sent.filter(([name]) => name === "srem").map((args) => args[2])).toEqual(["gone"]);
});
