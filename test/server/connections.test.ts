import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { Connections } from "../../src/server/connections.ts";
import { Registry } from "../../src/util/registry.ts";

interface One {
  readonly id: number;
  readonly name: string;
}

function collection(...names: readonly string[]): {
  registry: Registry<One>;
  all: readonly One[];
  connections: Connections<One>;
} {
  const registry = new Registry<One>();
  const all = names.map((name, index) => ({ id: index + 10, name }));
  for (const one of all) registry.add(one);
  return { registry, all, connections: new Connections(registry) };
}

describe("the collection of connections", () => {
  // shows 4D-1-connections-members
  test("it has a length, an index and at()", () => {
    const { all, connections } = collection("a", "b", "c");
    expect(connections.length).toBe(3);
    expect([connections[0], connections[1], connections[2]]).toEqual(all);
    expect(connections.at(0)).toBe(all[0]);
    expect(connections.at(-1)).toBe(all[2]);
    expect(connections.at(-3)).toBe(all[0]);
    for (const none of [connections[3], connections[2 ** 32], connections.at(3), connections.at(-4)]) {
      expect(none).toBeUndefined();
    }
  });

  test("anything but an index finds nothing", () => {
    const { connections } = collection("a");
    const anything = connections as unknown as Record<string, unknown>;
    for (const name of ["-1", "1.5", "01", "1e0", " 0", "", "NaN", "Infinity", "nothing"]) {
      expect(anything[name]).toBeUndefined();
    }
    expect(anything["0"]).toBe(connections.at(0));
  });

  // shows 4D-1-connections-members
  test("it is iterable, also by spreading and Array.from", () => {
    const { all, connections } = collection("a", "b");
    const seen: One[] = [];
    for (const one of connections) seen.push(one);
    expect(seen).toEqual(all);
    expect([...connections]).toEqual(all);
    expect(Array.from(connections)).toEqual(all);
    expect(new Set(connections).size).toBe(2);
  });

  // shows 4D-1-connections-members
  test("map, filter, find, some, every and forEach are those of an array", () => {
    const { all, connections } = collection("a", "b", "c");
    expect(connections.map(({ name }, index) => `${String(index)}${name}`)).toEqual(["0a", "1b", "2c"]);
    expect(connections.filter(({ name }, index) => name === "a" || index === 2)).toEqual([all[0], all[2]]);
    expect(connections.find(({ name }) => name === "b")).toBe(all[1]);
    expect(connections.find((_one, index) => index === 2)).toBe(all[2]);
    expect(connections.find(() => false)).toBeUndefined();
    expect(connections.some(({ name }) => name === "c")).toBe(true);
    expect(connections.some(() => false)).toBe(false);
    expect(connections.every(({ id }) => id >= 10)).toBe(true);
    expect(connections.every(({ name }) => name === "a")).toBe(false);
    const seen: unknown[] = [];
    connections.forEach((one, index) => seen.push([one.name, index]));
    expect(seen).toEqual([
      ["a", 0],
      ["b", 1],
      ["c", 2],
    ]);
  });

  test("what a filter or map returns is an array of its own", () => {
    const { connections } = collection("a", "b");
    const filtered = connections.filter(() => true);
    expect(Array.isArray(filtered)).toBe(true);
    filtered.pop();
    expect(connections.length).toBe(2);
  });

  // shows 4D-1-connections-get
  test("get finds one by its id, not by its place", () => {
    const { all, connections } = collection("a", "b");
    expect(connections.get(11)).toBe(all[1]);
    expect(connections.get(1)).toBeUndefined();
    expect(connections.get("11" as unknown as number)).toBeUndefined();
  });

  test("it is empty without connections", () => {
    const { connections } = collection();
    expect(connections.length).toBe(0);
    expect([...connections]).toEqual([]);
    expect(connections[0]).toBeUndefined();
    expect(connections.some(() => true)).toBe(false);
    expect(connections.every(() => false)).toBe(true);
  });
});

describe("while connections come and go", () => {
  // shows 4D-1-connections-live
  test("the collection follows", () => {
    const { registry, all, connections } = collection("a", "b");
    const c = { id: 99, name: "c" };
    registry.add(c);
    expect(connections.length).toBe(3);
    expect(connections[2]).toBe(c);
    expect(connections.get(99)).toBe(c);
    registry.remove(all[0]!);
    expect(connections.length).toBe(2);
    expect(connections[0]).toBe(all[1]);
    expect(connections.get(10)).toBeUndefined();
    expect([...connections]).toEqual([all[1], c]);
  });

  // shows 4D-1-connections-safe
  test("a loop sees the connections at its start, each once", () => {
    const { registry, all, connections } = collection("a", "b", "c");
    const seen: string[] = [];
    for (const one of connections) {
      seen.push(one.name);
      for (const gone of all) registry.remove(gone);
      registry.add({ id: 100 + seen.length, name: "late" });
    }
    expect(seen).toEqual(["a", "b", "c"]);
    expect(connections.length).toBe(3);
  });

  // shows 4D-1-connections-safe
  test.each(["map", "filter", "find", "some", "every", "forEach"] as const)("%s sees the same", (method) => {
    const { registry, all, connections } = collection("a", "b", "c");
    const seen: string[] = [];
    connections[method]((one) => {
      seen.push(one.name);
      for (const gone of all) registry.remove(gone);
      registry.add({ id: 100 + seen.length, name: "late" });
      return method === "every";
    });
    expect(seen).toEqual(["a", "b", "c"]);
  });

  test("the underlying list cannot be changed through a callback's third argument", () => {
    const { connections } = collection("a");
    const counts: number[] = [];
    const count = (...given: unknown[]): number => counts.push(given.length);
    connections.map(count);
    connections.filter(count);
    connections.find(count);
    connections.some(count);
    connections.every(count);
    connections.forEach(count);
    expect(counts).toEqual([2, 2, 2, 2, 2, 2]);
  });
});

describe("as an ordinary object", () => {
  test("it has the members of Object.prototype and of its class, and no other", () => {
    const { connections } = collection("a");
    expect(connections).toBeInstanceOf(Connections);
    expect(connections).toBeInstanceOf(Object);
    expect("length" in connections).toBe(true);
    expect("toString" in connections).toBe(true);
    expect("then" in connections).toBe(false);
    expect(Object.prototype.hasOwnProperty.call(connections, "length")).toBe(false);
    expect(Object.prototype.toString.call(connections)).toBe("[object Object]");
  });

  test("a promise can be resolved with it", async () => {
    const { connections } = collection("a");
    expect(await Promise.resolve(connections)).toBe(connections);
  });

  test("no element can be set", () => {
    const { connections } = collection("a");
    const writable = connections as unknown as Record<number, unknown>;
    for (const index of [0, 5]) {
      expect(() => {
        writable[index] = "mine";
      }).toThrow(TypeError);
    }
    expect(connections[5]).toBeUndefined();
    expect(connections.length).toBe(1);
  });

  test("a property of the user's can be set", () => {
    const { connections } = collection("a");
    const mine = connections as unknown as { note?: string };
    mine.note = "mine";
    expect(mine.note).toBe("mine");
    expect((collection("b").connections as unknown as { note?: string }).note).toBeUndefined();
  });

  test("the length cannot be set", () => {
    const { connections } = collection("a");
    expect(() => {
      (connections as { length: number }).length = 0;
    }).toThrow(TypeError);
  });

  test("console.log shows the connections", () => {
    const { connections } = collection("ada", "grace");
    expect(inspect(connections)).toBe("[ { id: 10, name: 'ada' }, { id: 11, name: 'grace' } ]");
    expect(inspect(collection().connections)).toBe("[]");
  });

  test("JSON has nothing of them, because a connection is not data", () => {
    expect(JSON.stringify(collection("a").connections)).toBe("{}");
  });

  test("two collections are independent", () => {
    const first = collection("a").connections;
    const second = collection("b", "c").connections;
    expect(first[0]?.name).toBe("a");
    expect(second[1]?.name).toBe("c");
    expect(first[1]).toBeUndefined();
  });

  test("other objects have no elements", () => {
    collection("a");
    expect(({} as Record<number, unknown>)[0]).toBeUndefined();
  });
});
