import { expect, test } from "vitest";
import { plainPacket } from "../../../src/backplane/packet.ts";
import { wide } from "./node.ts";
import { bytesOf, message } from "./records.ts";
import type { SuiteRig } from "./rig.ts";

const TOPICS = [
  "a",
  "chat:7",
  "with spaces  in it ",
  "a.b.c",
  ".",
  "*",
  ">",
  "a.*",
  "a.>",
  "{a}",
  "{",
  "}{",
  "😀 é",
  "__proto__",
  "a\\b/c?d#e%20",
  "x".repeat(255),
];

const numbers = (count: number, prefix = ""): string[] => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

/** What every driver does with messages: who gets them, in which order, and that they are the same. */
export function messageSuite(start: () => Promise<SuiteRig>): void {
  test("those of one node come in their order, each once, and to the others only", async () => {
    const { a, b, broker } = await start();
    await Promise.all([a, b].map(({ driver }) => driver.listen(["t"], [])));
    for (const text of numbers(500)) expect(a.send("t", text)).toBe(true);
    await b.come("t", 500);
    await broker.settle();
    expect(b.texts("t")).toEqual(numbers(500));
    expect(a.packets).toEqual([]);
  });

  test("stored ones of two nodes come in the same order everywhere, each once, also to their own node", async () => {
    const { a, b, open, broker } = await start();
    const nodes = [a, b, await open()];
    await Promise.all(nodes.map(({ driver }) => driver.listen(["t"], [])));
    const [ofA, ofB] = [numbers(100, "a"), numbers(100, "b")];
    const all: Promise<unknown>[] = [];
    for (let i = 0; i < 100; i++) all.push(a.append("t", ofA[i]!), b.append("t", ofB[i]!));
    await Promise.all(all);
    for (const node of nodes) await node.come("t", 200);
    await broker.settle();
    const texts = a.texts("t");
    expect(texts.filter((text) => text.startsWith("a"))).toEqual(ofA);
    expect(texts.filter((text) => text.startsWith("b"))).toEqual(ofB);
    for (const node of nodes) {
      expect(node.texts("t")).toEqual(texts);
      expect(node.seen("t").map(({ offset }) => offset)).toEqual(Array.from({ length: 200 }, (_, i) => i + 1));
      const seen = node.seen("t");
      for (let i = 1; i < seen.length; i++) expect(seen[i]!.before).toBe(seen[i - 1]!.record.id);
    }
  });

  test.each([
    ["a text", "hello"],
    ["an empty text", ""],
    ["U+0000", "a\0b\0"],
    ["emoji", "😀 👩‍👩‍👧"],
    ["bytes", Uint8Array.from({ length: 256 }, (_, i) => i)],
    ["no bytes", new Uint8Array(0)],
    ["1 MiB of text", "é".repeat(512 * 1024)],
    ["1 MiB of bytes", new Uint8Array(1024 * 1024).fill(0xff)],
  ])("%s comes as it was", async (_what, payload) => {
    const { a, b } = await start();
    await Promise.all([a, b].map(({ driver }) => driver.listen(["p", "h"], [])));
    const record = message(payload);
    expect(a.driver.send("p", plainPacket([record]))).toBe(true);
    await a.driver.append("h", wide, [record]);
    const [plain] = await b.come("p", 1);
    const stored = [(await a.come("h", 1))[0], (await b.come("h", 1))[0]];
    const kept = (await b.driver.read("h", wide, 0)).entries[0]!.record;
    const expected = Buffer.from(payload as string);
    for (const seen of [plain, ...stored]) {
      expect(seen!.record.isBinary).toBe(typeof payload !== "string");
      expect(expected.equals(seen!.record.payload)).toBe(true);
    }
    expect(Buffer.from(record).equals(kept)).toBe(true);
  });

  test("a topic may have any name, and none is a pattern for others", async () => {
    const { a, b, broker } = await start();
    await b.driver.listen(TOPICS, []);
    for (const topic of TOPICS) {
      expect(a.send(topic, topic)).toBe(true);
      await a.append(topic, `stored ${topic}`);
    }
    for (const topic of TOPICS) await b.come(topic, 2);
    await broker.settle();
    for (const topic of TOPICS) {
      expect(b.texts(topic).sort()).toEqual([topic, `stored ${topic}`].sort());
      expect((await b.driver.read(topic, wide, 0)).entries.length).toBe(1);
    }
  });

  test("nothing comes of topics that nobody listens to", async () => {
    const { a, b, broker } = await start();
    await b.driver.listen(["t"], []);
    for (const topic of ["T", "t ", "tt", "a.t", "*"]) {
      expect(a.send(topic, "no")).toBe(true);
      await a.append(topic, "no");
    }
    expect(a.send("t", "yes")).toBe(true);
    await b.come("t", 1);
    await broker.settle();
    expect(b.packets.map(({ topic }) => topic)).toEqual(["t"]);
    expect(a.packets).toEqual([]);
  });

  test("a packet for all nodes comes to all others", async () => {
    const { a, b, open, broker } = await start();
    const c = await open();
    expect(a.send(undefined, "all")).toBe(true);
    for (const node of [b, c]) await node.come(undefined, 1);
    await broker.settle();
    for (const node of [b, c]) expect(node.texts(undefined)).toEqual(["all"]);
    expect(a.packets).toEqual([]);
  });

  test("a packet may be changed after it was handed over", async () => {
    const { a, b } = await start();
    await b.driver.listen(["t"], []);
    const packet = plainPacket([message("before")]);
    expect(a.driver.send("t", packet)).toBe(true);
    packet.fill(0);
    expect((await b.come("t", 1)).map(({ text }) => text)).toEqual(["before"]);
  });

  test("when listening is confirmed, the next message comes", async () => {
    const { a, b } = await start();
    for (const topic of numbers(30, "topic ")) {
      await b.driver.listen([topic], []);
      expect(a.send(topic, "plain")).toBe(true);
      await a.append(topic, "stored");
      await b.come(topic, 2);
    }
    expect(b.packets.length).toBe(60);
  });

  test("of listening, not listening and listening again in one turn, the last one counts", async () => {
    const { a, b, broker } = await start();
    await Promise.all([
      b.driver.listen(["on", "off"], []),
      b.driver.listen([], ["on"]),
      b.driver.listen(["on"], ["off"]),
      b.driver.listen(["off"], []),
      b.driver.listen([], ["off"]),
    ]);
    for (const topic of ["off", "on"]) expect(a.send(topic, topic)).toBe(true);
    await b.come("on", 1);
    await broker.settle();
    expect(b.packets.map(({ topic }) => topic)).toEqual(["on"]);
  });

  test("what is not listened to any more does not come", async () => {
    const { a, b, broker } = await start();
    await b.driver.listen(["t", "u"], []);
    await b.driver.listen([], ["t"]);
    expect(a.send("t", "no")).toBe(true);
    await a.append("t", "no");
    expect(a.send("u", "yes")).toBe(true);
    await b.come("u", 1);
    await broker.settle();
    expect(b.packets.map(({ topic }) => topic)).toEqual(["u"]);
  });

  test("10,000 topics may be listened to in one turn", async () => {
    const { a, b } = await start();
    const topics = numbers(10_000, "many ");
    await Promise.all(topics.map((topic) => b.driver.listen([topic], [])));
    const some = topics.filter((_, i) => i % 100 === 0);
    for (const topic of some) {
      expect(a.send(topic, "plain")).toBe(true);
      await a.append(topic, "stored");
    }
    for (const topic of some) await b.come(topic, 2);
    await b.driver.listen([], topics);
    expect(b.packets.length).toBe(200);
  });

  test("bytes that are no packet do no harm", async () => {
    const { a, b } = await start();
    await b.driver.listen(["t"], []);
    for (const garbage of [[], [0], [0x11, 0, 0, 0, 9, 1], [0x12, 1], [0xff, 0xff]])
      expect(a.driver.send("t", bytesOf(Uint8Array.from(garbage)))).toBe(true);
    expect(a.send("t", "good")).toBe(true);
    await b.come("t", 1);
    expect(b.packets.filter(({ decoded }) => decoded !== undefined).length).toBe(1);
  });

  test("a node may call while it is handed a packet", async () => {
    const { a, b } = await start();
    await Promise.all([a, b].map(({ driver }) => driver.listen(["t", "u"], [])));
    b.onNext = () => {
      if (b.packets.length > 10) return;
      b.send("t", "answer");
      void b.append("u", "stored");
    };
    void a.append("u", "first");
    await a.come("t", 10);
    await a.come("u", 11);
    await b.come("u", 11);
    expect(a.seen("u").map(({ offset }) => offset)).toEqual(Array.from({ length: 11 }, (_, i) => i + 1));
    expect(b.seen("u").map(({ offset }) => offset)).toEqual(Array.from({ length: 11 }, (_, i) => i + 1));
  });
}
