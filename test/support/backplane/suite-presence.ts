import { expect, test } from "vitest";
import type { MemberList } from "../../../src/backplane/contract.ts";
import { RecordKind } from "../../../src/backplane/record.ts";
import type { TestNode } from "./node.ts";
import type { SuiteRig } from "./rig.ts";
import { until } from "./until.ts";
import { within } from "../within.ts";

const ann = { id: "ann", data: '{"name":"Ann \\u0000 😀"}' };
const bob = { id: "bob", data: undefined };

/** The events that a node got, e.g. `["join", { id: "ann", connections: 1 }]`. */
function events(node: TestNode, topic = "t"): (readonly [string, unknown])[] {
  return node.seen(topic).map(({ record, text }) => {
    expect([record.isBinary, record.key, record.to]).toEqual([false, undefined, undefined]);
    return [record.kind === RecordKind.join ? "join" : "leave", JSON.parse(text) as unknown] as const;
  });
}

async function list(node: TestNode, topic = "t", limit = 1_000): Promise<MemberList> {
  const { total, members } = await node.driver.members(topic, limit);
  return { total, members: [...members].sort((one, two) => (one.id < two.id ? -1 : 1)) };
}

/** What every driver tells of those who are present. */
export function presenceSuite(start: () => Promise<SuiteRig>): void {
  test("who has joined is listed on all nodes, until he leaves, and those who listen are told", async () => {
    const { a, b } = await start();
    await Promise.all([a, b].map(({ driver }) => driver.listen(["t"], [])));
    await a.driver.join("t", 1, ann, false);
    await b.driver.join("t", 1, bob, false);
    const [inAnn, inBob] = [
      { ...ann, connections: 1 },
      { ...bob, connections: 1 },
    ];
    for (const node of [a, b]) expect(await list(node)).toEqual({ total: 2, members: [inAnn, inBob] });
    await a.driver.leave("t", 1, "ann");
    for (const node of [a, b]) expect(await list(node)).toEqual({ total: 1, members: [inBob] });
    await b.driver.leave("t", 1, "bob");
    for (const node of [a, b]) {
      expect(await list(node)).toEqual({ total: 0, members: [] });
      await node.come("t", 4);
      const data: unknown = JSON.parse(ann.data);
      expect(events(node)).toEqual([
        ["join", { id: "ann", data, connections: 1 }],
        ["join", { id: "bob", connections: 1 }],
        ["leave", { id: "ann", data, connections: 0 }],
        ["leave", { id: "bob", connections: 0 }],
      ]);
    }
  });

  test("two connections of one id are one member, on one node or on two, with the newest data", async () => {
    const { a, b, broker } = await start();
    await b.driver.listen(["t"], []);
    await a.driver.join("t", 1, { id: "ann", data: "1" }, false);
    await a.driver.join("t", 2, { id: "ann", data: "2" }, false);
    await b.driver.join("t", 1, { id: "ann", data: "3" }, false);
    expect(await list(a)).toEqual({ total: 1, members: [{ id: "ann", data: "3", connections: 3 }] });
    await b.driver.leave("t", 1, "ann");
    expect(await list(b)).toEqual({ total: 1, members: [{ id: "ann", data: "2", connections: 2 }] });
    await a.driver.leave("t", 2, "ann");
    await b.come("t", 1);
    await broker.settle();
    expect(events(b).map(([kind]) => kind)).toEqual(["join"]);
    await a.driver.leave("t", 1, "ann");
    await b.come("t", 2);
    expect(events(b)[1]).toEqual(["leave", { id: "ann", data: 1, connections: 0 }]);
    expect(await list(a)).toEqual({ total: 0, members: [] });
  });

  test("a second call for the same connection changes nothing", async () => {
    const { a, b, broker } = await start();
    await b.driver.listen(["t"], []);
    for (const data of ["1", "2"]) await a.driver.join("t", 1, { id: "ann", data }, false);
    expect(await list(b)).toEqual({ total: 1, members: [{ id: "ann", data: "1", connections: 1 }] });
    for (const connection of [1, 1, 7]) await a.driver.leave("t", connection, "ann");
    await b.driver.leave("t", 1, "ann");
    await b.come("t", 2);
    await broker.settle();
    expect(events(b).map(([kind]) => kind)).toEqual(["join", "leave"]);
  });

  test("a quiet one tells nobody that he has come", async () => {
    const { a, b, broker } = await start();
    await b.driver.listen(["t"], []);
    await a.driver.join("t", 1, ann, true);
    await a.driver.join("t", 2, bob, false);
    await b.come("t", 1);
    await broker.settle();
    expect(events(b)).toEqual([["join", { id: "bob", connections: 1 }]]);
    expect((await list(b)).total).toBe(2);
  });

  test("topics have members of their own", async () => {
    const { a, b, broker } = await start();
    await b.driver.listen(["t"], []);
    await a.driver.join("u", 1, ann, false);
    await a.driver.join("t", 1, bob, false);
    await b.come("t", 1);
    await broker.settle();
    expect([(await list(b, "u")).members[0]?.id, (await list(b)).members[0]?.id]).toEqual(["ann", "bob"]);
    expect(b.packets.length).toBe(1);
    await a.driver.leave("u", 1, "ann");
    expect([(await list(b, "u")).total, (await list(b)).total]).toEqual([0, 1]);
  });

  test("a list has as many as were asked for, and the number of all", async () => {
    const { a, b } = await start();
    const ids = Array.from({ length: 60 }, (_, i) => `id ${i}`);
    await Promise.all(ids.map((id, i) => (i % 2 === 0 ? a : b).driver.join("t", i, { id, data: undefined }, true)));
    const { total, members } = await a.driver.members("t", 10);
    expect([total, members.length]).toEqual([60, 10]);
    expect(members.every(({ id }) => ids.includes(id))).toBe(true);
    expect((await a.driver.members("t", 0)).total).toBe(60);
    const all = await b.driver.members("t", 1_000);
    expect([...all.members.map(({ id }) => id)].sort()).toEqual([...ids].sort());
    expect(await a.driver.members("nobody", 10)).toEqual({ total: 0, members: [] });
  });

  test("a heartbeat tells who lives", async () => {
    const { a, b, open, broker } = await start();
    const c = await open();
    for (const node of [a, b, c]) await node.driver.beat();
    const { alive, expired, wasExpired } = await a.driver.beat();
    expect([[...alive].sort(), expired, wasExpired]).toEqual([[a.name, b.name, c.name].sort(), [], false]);
    await c.driver.close(within(1_000));
    await broker.endLease(c.name);
    expect((await a.driver.beat()).alive).not.toContain(c.name);
  });

  test("the members of a closed node stay until its lease has run out, and others remove them once", async () => {
    const { a, b, open, broker } = await start();
    const c = await open();
    await Promise.all([a, c].map(({ driver }) => driver.listen(["t"], [])));
    await b.driver.join("t", 1, ann, true);
    await b.driver.join("t", 2, bob, true);
    await a.driver.join("t", 1, bob, true);
    for (const node of [a, b, c]) await node.driver.beat();
    await b.driver.close(within(1_000));
    expect((await list(a)).members.map(({ id }) => id)).toEqual(["ann", "bob"]);
    await broker.endLease(b.name);
    expect(await list(a)).toEqual({ total: 1, members: [{ ...bob, connections: 1 }] });
    await until("the expired node", async () => (await a.driver.beat()).expired.includes(b.name));
    expect((await c.driver.beat()).alive).not.toContain(b.name);
    expect(a.packets).toEqual([]);
    await Promise.all([a, c, a].map(({ driver }) => driver.reap(b.name)));
    for (const node of [a, c]) await node.come("t", 1);
    await broker.settle();
    const gone = ["leave", { id: "ann", data: JSON.parse(ann.data) as unknown, connections: 0 }];
    for (const node of [a, c]) expect(events(node)).toEqual([gone]);
    expect((await a.driver.beat()).expired).toEqual([]);
    expect((await list(c)).members.map(({ id }) => id)).toEqual(["bob"]);
  });

  test("who came back to another node in time was never gone", async () => {
    const { a, b, open, broker } = await start();
    const c = await open();
    await c.driver.listen(["t"], []);
    await b.driver.join("t", 1, ann, false);
    await b.driver.close(within(1_000));
    await a.driver.join("t", 1, ann, false);
    await broker.endLease(b.name);
    await c.driver.reap(b.name);
    await broker.settle();
    expect(events(c).map(([kind]) => kind)).toEqual(["join"]);
    expect(await list(c)).toEqual({ total: 1, members: [{ ...ann, connections: 1 }] });
  });
}
