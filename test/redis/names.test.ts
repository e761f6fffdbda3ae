import { expect, test } from "vitest";
import { Names } from "../../src/redis/names.ts";
import { TAGS, partitionOf } from "../../src/redis/partitions.ts";

const names = new Names("app");
const tag = TAGS[partitionOf("a{b}")]!;

test("all names of a topic have the tag of its partition, before the topic", () => {
  expect(names.history("a{b}")).toEqual([`app:{${tag}}:h:a{b}`, `app:{${tag}}:m:a{b}`]);
  expect(names.message("a{b}", "7")).toBe(`app:{${tag}}:i:a{b}\x007`);
  expect(names.retries("a{b}", "nodename")).toBe(`app:{${tag}}:l:nodename:a{b}`);
  expect(names.channel("a{b}")).toEqual({
    topic: "a{b}",
    partition: partitionOf("a{b}"),
    channel: `app:{${tag}}:c:a{b}`,
  });
  expect(names.presence("a{b}", "nodename")).toEqual([
    `app:{${tag}}:w:a{b}`,
    `app:{${tag}}:n:a{b}`,
    `app:{${tag}}:t:nodename`,
  ]);
});

test("the names of a topic are the same when many other topics were asked for", () => {
  const before = [names.channel("first"), names.history("first")];
  for (let i = 0; i < 20_001; i++) names.channel(`topic ${i}`);
  expect([names.channel("first"), names.history("first")]).toEqual(before);
});

test("what belongs to no topic has the tag 0", () => {
  expect([names.all, names.rules, names.nodes, names.reaper("nodename")]).toEqual([
    "app:{0}:all",
    "app:{0}:rules",
    "app:{0}:nodes",
    "app:{0}:reap:nodename",
  ]);
  expect(names.probe(3, "nodename")).toBe(`app:{${TAGS[3]!}}:x:nodename`);
});
