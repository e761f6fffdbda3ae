import { expect, test } from "vitest";
import { SubscriberView } from "../../src/topics/subscriber-view.ts";
import { Registry } from "../../src/util/registry.ts";

test("it shows the registry of now, or nobody", () => {
  const registries = new Map<string, Registry<{ id: number }>>();
  const view = new SubscriberView(() => registries.get("a"));
  expect([view.size, view.list, view.get(1)]).toEqual([0, [], undefined]);
  const one = { id: 1 };
  const registry = new Registry<{ id: number }>();
  registry.add(one);
  registries.set("a", registry);
  expect([view.size, view.list, view.get(1)]).toEqual([1, [one], one]);
});
