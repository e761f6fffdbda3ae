import { describe, expect, test } from "vitest";
import { ConnectionRegistry } from "../../src/server/connection-registry.ts";

describe("a roster", () => {
  test("it holds those who were added, in their order, until they are removed", () => {
    const roster = new ConnectionRegistry<{ id: number }>();
    const [a, b, c] = [{ id: 3 }, { id: 1 }, { id: 2 }];
    expect(roster.list).toEqual([]);
    expect(roster.size).toBe(0);
    for (const one of [a, b, c]) roster.add(one);
    expect(roster.list).toEqual([a, b, c]);
    roster.remove(b);
    expect(roster.list).toEqual([a, c]);
    expect(roster.size).toBe(2);
    roster.add(b);
    expect(roster.list).toEqual([a, c, b]);
  });

  test("it finds one by its id", () => {
    const roster = new ConnectionRegistry<{ id: number }>();
    const one = { id: 7 };
    roster.add(one);
    expect(roster.get(7)).toBe(one);
    expect(roster.get(8)).toBeUndefined();
    roster.remove(one);
    expect(roster.get(7)).toBeUndefined();
  });

  test("a list that was handed out never changes", () => {
    const roster = new ConnectionRegistry<{ id: number }>();
    const [a, b] = [{ id: 1 }, { id: 2 }];
    roster.add(a);
    const before = roster.list;
    roster.add(b);
    roster.remove(a);
    expect(before).toEqual([a]);
    expect(roster.list).toEqual([b]);
  });

  test("the list is made once for as long as nobody comes or goes", () => {
    const roster = new ConnectionRegistry<{ id: number }>();
    roster.add({ id: 1 });
    const { list } = roster;
    expect(roster.list).toBe(list);
    // Whoever is not there cannot go.
    roster.remove({ id: 2 });
    expect(roster.list).toBe(list);
  });

  test("its values are walked over one by one, while some come and go", () => {
    const roster = new ConnectionRegistry<{ id: number }>();
    const [a, b, c, d] = [{ id: 3 }, { id: 1 }, { id: 2 }, { id: 4 }];
    expect(roster.values().next().done).toBe(true);
    for (const one of [a, b, c]) roster.add(one);
    const walk = roster.values();
    expect(walk.next().value).toBe(a);
    roster.remove(a);
    roster.remove(b);
    roster.add(d);
    expect(walk.next().value).toBe(c);
    expect(walk.next().value).toBe(d);
    expect(walk.next().done).toBe(true);
    expect([...{ [Symbol.iterator]: () => roster.values() }]).toEqual([c, d]);
  });

  test("walking over them makes no list", () => {
    const roster = new ConnectionRegistry<{ id: number }>();
    roster.add({ id: 1 });
    const { list } = roster;
    roster.values().next();
    expect(roster.list).toBe(list);
  });

  test("a hundred thousand come, are found and go, none of them at the others' expense", () => {
    const roster = new ConnectionRegistry<{ id: number }>();
    const all = Array.from({ length: 100_000 }, (_, id) => ({ id }));
    for (const one of all) roster.add(one);
    expect(all.every((one) => roster.get(one.id) === one)).toBe(true);
    // The first of the list goes first: where that shifts the rest, this takes 10^10 steps.
    for (const one of all) roster.remove(one);
    expect(roster.size).toBe(0);
  });
});
