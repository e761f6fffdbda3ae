import { expect, test } from "vitest";
import { COMMON, PARTITIONS, TAGS, crc16, partitionOf, slotOf } from "../../src/redis/partitions.ts";

test("the checksum is that of Redis", () => {
  // The example of the specification of Redis clusters.
  expect(crc16(Buffer.from("123456789"))).toBe(0x31c3);
  expect(crc16(Buffer.alloc(0))).toBe(0);
});

test("each partition has a tag of its own, in its 64 slots", () => {
  expect(TAGS.length).toBe(PARTITIONS);
  expect(new Set(TAGS).size).toBe(PARTITIONS);
  for (const [partition, tag] of TAGS.entries()) expect(Math.floor(slotOf(tag) / 64)).toBe(partition);
  expect(TAGS[COMMON]).toBe("0");
});

test("topics are in all partitions, and always in the same one", () => {
  const partitions = Array.from({ length: 10_000 }, (_, i) => partitionOf(`topic ${i}`));
  expect(new Set(partitions).size).toBe(PARTITIONS);
  expect(partitionOf("😀 é")).toBe(crc16(Buffer.from("😀 é")) & 255);
});
