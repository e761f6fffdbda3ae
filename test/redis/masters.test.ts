import { expect, test } from "vitest";
import { mastersOf, wholeServer } from "../../src/redis/masters.ts";
import { TAGS, slotOf } from "../../src/redis/partitions.ts";
import { FakeConnection } from "../support/redis/fake-connection.ts";

const connect = (events: ConstructorParameters<typeof FakeConnection>[0]): FakeConnection => new FakeConnection(events);

test("one server has all partitions", () => {
  const [master, ...others] = wholeServer(connect);
  expect(others).toEqual([]);
  expect(master?.partitions).toEqual(TAGS.map((_, partition) => partition));
  expect(master?.connect).toBe(connect);
});

test("each master has the partitions whose slot it has", () => {
  const masters = mastersOf(
    (slot) => (slot < 10_000 ? "one" : "two"),
    () => connect,
  );
  expect(masters.map(({ partitions }) => partitions.length)).toEqual([156, 100]);
  for (const partition of masters[0]!.partitions) expect(slotOf(TAGS[partition]!)).toBeLessThan(10_000);
});

test("a slot without a master, or a master that is not known, is an error", () => {
  const all = (slot: number): string | undefined => (slot > 16_300 ? undefined : "one");
  expect(() => mastersOf(all, () => connect)).toThrow(/slot 16\d\d\d/);
  expect(() =>
    mastersOf(
      () => "one",
      () => undefined,
    ),
  ).toThrow("one");
});
