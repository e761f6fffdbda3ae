import fc from "fast-check";
import { expect, test } from "vitest";
import { MemoryPresence } from "../../src/backplane/memory-presence.ts";
import { cases, seed } from "../support/fuzz.ts";

const all = () => true;

test("the first connection of an id and the last one are told", () => {
  const presence = new MemoryPresence();
  expect(presence.join("t", { node: "A", connection: 1, id: "ann", data: "1" })).toBe(true);
  expect(presence.join("t", { node: "A", connection: 1, id: "ann", data: "2" })).toBe(false);
  expect(presence.join("t", { node: "B", connection: 1, id: "ann", data: "3" })).toBe(false);
  expect(presence.members("t", 10, all)).toEqual({ total: 1, members: [{ id: "ann", data: "3", connections: 2 }] });
  expect(presence.leave("t", "B", 1)).toBeUndefined();
  expect(presence.leave("t", "B", 1)).toBeUndefined();
  expect(presence.leave("t", "A", 1)).toEqual({ id: "ann", data: "1", connections: 0 });
  expect([presence.has("A"), presence.has("B"), presence.members("t", 10, all).total]).toEqual([false, false, 0]);
});

test("rows of nodes that are not alive do not count", () => {
  const presence = new MemoryPresence();
  presence.join("t", { node: "A", connection: 1, id: "ann", data: "1" });
  presence.join("t", { node: "B", connection: 1, id: "ann", data: "2" });
  presence.join("t", { node: "B", connection: 2, id: "bob", data: undefined });
  const { total, members } = presence.members("t", 10, (node) => node === "A");
  expect([total, members]).toEqual([1, [{ id: "ann", data: "1", connections: 1 }]]);
});

test("all rows of a node are removed at once", () => {
  const presence = new MemoryPresence();
  for (const topic of ["t", "u"]) presence.join(topic, { node: "B", connection: 1, id: "ann", data: undefined });
  presence.join("t", { node: "B", connection: 2, id: "bob", data: undefined });
  presence.join("t", { node: "A", connection: 1, id: "bob", data: undefined });
  const gone: string[] = [];
  for (let twice = 0; twice < 2; twice++) presence.reap("B", (topic, { id }) => gone.push(`${topic} ${id}`));
  expect(gone).toEqual(["t ann", "u ann"]);
  expect(presence.members("t", 10, all)).toEqual({
    total: 1,
    members: [{ id: "bob", data: undefined, connections: 1 }],
  });
  presence.clear();
  expect([presence.has("A"), presence.members("t", 10, all).total]).toEqual([false, 0]);
});

test("it agrees with a plain list of rows", () => {
  const step = fc.record({
    kind: fc.constantFrom("join", "join", "join", "leave", "leave", "reap"),
    topic: fc.constantFrom("t", "u"),
    node: fc.constantFrom("A", "B", "C"),
    connection: fc.integer({ min: 1, max: 3 }),
    id: fc.constantFrom("ann", "bob", "eve"),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const presence = new MemoryPresence();
      let rows: (typeof steps)[number][] = [];
      const count = (topic: string, id: string) => rows.filter((row) => row.topic === topic && row.id === id).length;
      for (const one of steps) {
        const { kind, topic, node, connection, id } = one;
        const known = rows.find((row) => row.topic === topic && row.node === node && row.connection === connection);
        if (kind === "join") {
          expect(presence.join(topic, { node, connection, id, data: undefined })).toBe(
            !known && count(topic, id) === 0,
          );
          if (known === undefined) rows.push(one);
        } else if (kind === "leave") {
          rows = rows.filter((row) => row !== known);
          const gone = presence.leave(topic, node, connection);
          expect(gone?.id).toBe(known && count(topic, known.id) === 0 ? known.id : undefined);
        } else {
          presence.reap(node, () => undefined);
          rows = rows.filter((row) => row.node !== node);
        }
        expect(presence.has(node)).toBe(rows.some((row) => row.node === node));
        const ids = new Set(rows.filter((row) => row.topic === topic).map((row) => row.id));
        const { total, members } = presence.members(topic, 2, all);
        expect([total, members.length]).toEqual([ids.size, Math.min(2, ids.size)]);
        for (const member of members) expect(member.connections).toBe(count(topic, member.id));
      }
    }),
    { numRuns: cases(300), seed },
  );
});
