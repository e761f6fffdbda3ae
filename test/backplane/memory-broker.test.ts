import { AsyncLocalStorage } from "node:async_hooks";
import { expect, test } from "vitest";
import { LEASE, MemoryBroker } from "../../src/backplane/memory-broker.ts";
import { MemoryInbox } from "../../src/backplane/memory-inbox.ts";
import { plainPacket } from "../../src/backplane/packet.ts";
import type { Bytes } from "../../src/protocol/bytes.ts";
import { message } from "../support/backplane/records.ts";

const rule = { size: 100, ttl: 60_000 };
const turn = () => new Promise((resolve) => setImmediate(resolve));

function make(count: number) {
  const clock = { now: 0 };
  const broker = new MemoryBroker({ maxBytes: Infinity, maxTopics: Infinity }, () => clock.now);
  const nodes = Array.from({ length: count }, (_, i) => {
    const packets: Bytes[] = [];
    const onPacket = (_topic: string | undefined, packet: Bytes) => void packets.push(packet);
    const host = {
      rules: "{}",
      onPacket,
      onLost: () => undefined,
      onStatus: () => undefined,
      onFailed: () => undefined,
    };
    const inbox = new MemoryInbox(`node${i}`.padEnd(8, "0"), host);
    inbox.listen(["t"], []);
    broker.add(inbox);
    return { inbox, packets };
  });
  const append = (from: MemoryInbox) =>
    broker.append(from, { topic: "t", rule, records: [message("text")], options: {} });
  const end = () => nodes.forEach(({ inbox }) => broker.remove(inbox));
  return { broker, clock, nodes, append, end };
}

test("a packet is copied once for all nodes that want it, and not at all if there is none", async () => {
  const { broker, nodes, end } = make(4);
  const [a, b, c, d] = nodes as [(typeof nodes)[0], (typeof nodes)[0], (typeof nodes)[0], (typeof nodes)[0]];
  d.inbox.listen([], ["t"]);
  const packet = plainPacket([message("text")]);
  broker.send("t", packet, a.inbox);
  broker.send("unheard", packet, a.inbox);
  expect(b.packets).toEqual([]);
  await turn();
  expect([a, b, c, d].map(({ packets }) => packets.length)).toEqual([0, 1, 1, 0]);
  expect(b.packets[0]).toBe(c.packets[0]);
  expect(b.packets[0]).not.toBe(packet);
  expect(b.packets[0]).toEqual(packet);
  end();
});

test("a node that stores gets what others stored before, at once and in the order of the broker", async () => {
  const { nodes, append, end } = make(3);
  const [a, b, c] = nodes as [(typeof nodes)[0], (typeof nodes)[0], (typeof nodes)[0]];
  append(a.inbox);
  expect([a, b, c].map(({ packets }) => packets.length)).toEqual([1, 0, 0]);
  append(b.inbox);
  expect([a, b, c].map(({ packets }) => packets.length)).toEqual([1, 2, 0]);
  await turn();
  expect([a, b, c].map(({ packets }) => packets.length)).toEqual([2, 2, 2]);
  for (const { packets } of nodes) expect(packets).toEqual(a.packets);
  expect(a.packets[0]).toBe(c.packets[0]);
  end();
});

test("a node that is alone needs no later turn", async () => {
  const { nodes, append, end } = make(1);
  const immediates = () => process.getActiveResourcesInfo().filter((kind) => kind === "Immediate").length;
  await turn();
  const before = immediates();
  append(nodes[0]!.inbox);
  expect([nodes[0]!.packets.length, immediates()]).toEqual([1, before]);
  end();
});

test("packets come in no asynchronous context", async () => {
  const { broker, nodes, end } = make(1);
  const storage = new AsyncLocalStorage<string>();
  const stores: unknown[] = [];
  const onPacket = () => stores.push(storage.getStore());
  const other = new MemoryInbox("other000", {
    rules: "{}",
    onPacket,
    onLost: onPacket,
    onStatus: onPacket,
    onFailed: onPacket,
  });
  broker.add(other);
  storage.run("of a user", () => broker.send(undefined, plainPacket([message("text")]), nodes[0]!.inbox));
  await turn();
  expect(stores).toEqual([undefined]);
  broker.remove(other);
  end();
});

test("a closed node without members is forgotten, and one with members until it is reaped", () => {
  const { broker, clock, nodes, end } = make(3);
  const [a, b, c] = nodes.map(({ inbox }) => inbox) as [MemoryInbox, MemoryInbox, MemoryInbox];
  broker.join("t", { node: b.node, connection: 1, id: "ann", data: undefined }, true);
  broker.remove(b);
  broker.remove(c);
  expect(broker.beat()).toEqual({ alive: [a.node], expired: [], wasExpired: false });
  // A node whose lease still runs keeps its members.
  broker.reap(b.node);
  expect(broker.members("t", 10).total).toBe(1);
  clock.now = LEASE - 1;
  expect([broker.beat().expired, broker.members("t", 10).total]).toEqual([[], 1]);
  clock.now = LEASE;
  expect([broker.beat().expired, broker.members("t", 10).total]).toEqual([[b.node], 0]);
  broker.reap(a.node);
  broker.reap(b.node);
  expect(broker.beat()).toEqual({ alive: [a.node], expired: [], wasExpired: false });
  end();
});

test("when the last node is closed, nobody is present any more", () => {
  const { broker, nodes } = make(2);
  const [a, b] = nodes.map(({ inbox }) => inbox) as [MemoryInbox, MemoryInbox];
  broker.join("t", { node: a.node, connection: 1, id: "ann", data: undefined }, true);
  broker.remove(a);
  broker.remove(b);
  broker.add(b);
  expect([broker.size, broker.members("t", 10).total, broker.beat().alive]).toEqual([1, 0, [b.node]]);
  broker.remove(b);
});
