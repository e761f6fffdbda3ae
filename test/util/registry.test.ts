import { describe, expect, test } from "vitest";
import { Registry } from "../../src/util/registry.ts";

describe("a registry", () => {
  test("it holds the added connections, in their order, until they are removed", () => {
    const registry = new Registry<{ id: number }>();
    const [a, b, c] = [{ id: 3 }, { id: 1 }, { id: 2 }];
    expect(registry.list).toEqual([]);
    expect(registry.size).toBe(0);
    for (const one of [a, b, c]) registry.add(one);
    expect(registry.list).toEqual([a, b, c]);
    registry.remove(b);
    expect(registry.list).toEqual([a, c]);
    expect(registry.size).toBe(2);
    registry.add(b);
    expect(registry.list).toEqual([a, c, b]);
  });

  test("it finds one by its id", () => {
    const registry = new Registry<{ id: number }>();
    const one = { id: 7 };
    registry.add(one);
    expect(registry.get(7)).toBe(one);
    expect(registry.get(8)).toBeUndefined();
    registry.remove(one);
    expect(registry.get(7)).toBeUndefined();
  });

  test("a returned list never changes", () => {
    const registry = new Registry<{ id: number }>();
    const [a, b] = [{ id: 1 }, { id: 2 }];
    registry.add(a);
    const before = registry.list;
    registry.add(b);
    registry.remove(a);
    expect(before).toEqual([a]);
    expect(registry.list).toEqual([b]);
  });

  test("the list is made once while no connection is added or removed", () => {
    const registry = new Registry<{ id: number }>();
    registry.add({ id: 1 });
    const { list } = registry;
    expect(registry.list).toBe(list);
    // Removing an unknown connection has no effect.
    registry.remove({ id: 2 });
    expect(registry.list).toBe(list);
  });

  test("its values are iterated one by one, while some are added and removed", () => {
    const registry = new Registry<{ id: number }>();
    const [a, b, c, d] = [{ id: 3 }, { id: 1 }, { id: 2 }, { id: 4 }];
    expect(registry.values().next().done).toBe(true);
    for (const one of [a, b, c]) registry.add(one);
    const walk = registry.values();
    expect(walk.next().value).toBe(a);
    registry.remove(a);
    registry.remove(b);
    registry.add(d);
    expect(walk.next().value).toBe(c);
    expect(walk.next().value).toBe(d);
    expect(walk.next().done).toBe(true);
    expect([...{ [Symbol.iterator]: () => registry.values() }]).toEqual([c, d]);
  });

  test("iterating makes no list", () => {
    const registry = new Registry<{ id: number }>();
    registry.add({ id: 1 });
    const { list } = registry;
    registry.values().next();
    expect(registry.list).toBe(list);
  });

  test("a hundred thousand are added, found and removed, each in constant time", () => {
    const registry = new Registry<{ id: number }>();
    const all = Array.from({ length: 100_000 }, (_, id) => ({ id }));
    for (const one of all) registry.add(one);
    expect(all.every((one) => registry.get(one.id) === one)).toBe(true);
    // The first is removed first: if that shifted the rest, this would take 10^10 steps.
    for (const one of all) registry.remove(one);
    expect(registry.size).toBe(0);
  });
});
