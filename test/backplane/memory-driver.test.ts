import { expect, test } from "vitest";
import { memory } from "../../src/backplane/memory.ts";
import { TestNode } from "../support/backplane/node.ts";
import { within } from "../support/within.ts";

test("it is ready before open returns", async () => {
  const node = new TestNode(memory());
  const opening = node.driver.open(node, node.name);
  expect(node.statuses).toEqual(["ready"]);
  await opening;
  await expect(node.driver.open(node, node.name)).rejects.toMatchObject({ code: "HWS_BACKPLANE_AWAY" });
  await node.driver.close(within(0));
  await expect(node.driver.open(node, node.name)).rejects.toMatchObject({ code: "HWS_BACKPLANE_AWAY" });
  expect(node.statuses).toEqual(["ready", "closed"]);
});

test("it says what it is", async () => {
  const { driver } = await new TestNode(memory()).open();
  expect([driver.name, driver.maxBatch, driver.keepsPackets, driver.hasPeers]).toEqual(["memory", 1, true, false]);
  await driver.close(within(0));
});

test("there are peers while another node is open", async () => {
  const backplane = memory();
  const nodes = [await new TestNode(backplane).open(), new TestNode(backplane)] as const;
  expect(nodes[0].driver.hasPeers).toBe(false);
  await nodes[1].open();
  expect(nodes.map(({ driver }) => driver.hasPeers)).toEqual([true, true]);
  await nodes[1].driver.close(within(0));
  expect(nodes[0].driver.hasPeers).toBe(false);
  await nodes[0].driver.close(within(0));
});

test("a call is done when it returns: the message is stored, and has come to its own node", async () => {
  const backplane = memory();
  const [a, b] = [await new TestNode(backplane).open(), await new TestNode(backplane).open()];
  for (const { driver } of [a, b]) void driver.listen(["t"], []);
  void a.append("t", "1");
  expect([a.texts("t"), b.texts("t")]).toEqual([["1"], []]);
  // What another node has stored before comes before.
  void b.append("t", "2");
  expect([a.texts("t"), b.texts("t")]).toEqual([["1"], ["1", "2"]]);
  a.send("t", "plain");
  void a.append("t", "3");
  await b.come("t", 4);
  expect([a.texts("t"), b.texts("t")]).toEqual([
    ["1", "2", "3"],
    ["1", "2", "plain", "3"],
  ]);
  void a.driver.listen([], ["t"]);
  void a.append("t", "4");
  expect(a.texts("t").length).toBe(3);
  for (const { driver } of [a, b]) await driver.close(within(0));
});

test("messages that are stored while one comes keep their order, each once", async () => {
  const backplane = memory();
  const [a, b] = [await new TestNode(backplane).open(), await new TestNode(backplane).open()];
  for (const { driver } of [a, b]) void driver.listen(["t"], []);
  a.onNext = () => {
    const count = a.packets.length;
    if (count < 8) void (count % 2 === 0 ? a : b).append("t", `after ${count}`);
  };
  void b.append("t", "first");
  void a.append("t", "second");
  await a.come("t", 9);
  await b.come("t", 9);
  for (const node of [a, b]) expect(node.seen("t").map(({ offset }) => offset)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(b.texts("t")).toEqual(a.texts("t"));
  for (const { driver } of [a, b]) await driver.close(within(0));
});

test("an error in a node's own callback does not fail what has stored", async () => {
  const node = await new TestNode(memory()).open();
  await node.driver.listen(["t"], []);
  node.onNext = () => {
    throw new Error("no");
  };
  expect((await node.append("t", "1")).first).toBe(1);
  expect(node.failures).toEqual([["decode", new Error("no")]]);
  await node.driver.close(within(0));
});
