import { expect, test } from "vitest";
import type { HistoryRule, Mark, Page } from "../../../src/backplane/contract.ts";
import { NO_ID } from "../../../src/backplane/ids.ts";
import { recordId } from "../../../src/backplane/record.ts";
import { type TestNode, textsOf, wide } from "./node.ts";
import type { SuiteRig } from "./rig.ts";
import { until } from "./until.ts";

const small: HistoryRule = { size: 10, ttl: 600_000 };

const numbers = (count: number, first = 1): string[] => Array.from({ length: count }, (_, i) => String(first + i));

const offsetsOf = ({ entries }: Page): number[] => entries.map(({ offset }) => offset);

/** Appends messages, and returns the mark of each one. */
async function marks(node: TestNode, topic: string, count: number, rule = wide): Promise<Mark[]> {
  const all: Mark[] = [];
  for (const text of numbers(count)) {
    const { epoch, first } = await node.append(topic, text, rule);
    const [top] = await node.driver.tops([topic]);
    expect(top).toMatchObject({ epoch, offset: first });
    all.push(top!);
  }
  return all;
}

/** Whether nothing is missing after `since`: the rule by which a node judges a page. */
function isProven({ epoch, top, proven, entries }: Page, since: Mark): boolean {
  if (proven !== undefined) return proven;
  if (epoch !== since.epoch) return false;
  if (since.offset === top.offset) return since.id === top.id;
  return since.offset < top.offset && entries[0]?.before === since.id;
}

/** What every driver keeps of the messages of a topic. */
export function historySuite(start: () => Promise<SuiteRig>): void {
  test("numbers begin with 1 and have no holes, in the order of the calls", async () => {
    const { a, b } = await start();
    const stored = await a.appendAll("t", numbers(100));
    expect(stored.map(({ first }) => String(first))).toEqual(numbers(100));
    expect(new Set(stored.map(({ epoch }) => epoch)).size).toBe(1);
    expect(stored.every(({ isDuplicate }) => !isDuplicate)).toBe(true);
    expect((await b.append("t", "101")).first).toBe(101);
    const pages = await b.readAll("t");
    expect(pages.flatMap(textsOf)).toEqual(numbers(101));
    expect(pages.flatMap(offsetsOf).map(String)).toEqual(numbers(101));
  });

  test("what is read is what has come: numbers, ids and bytes", async () => {
    const { a, b } = await start();
    await b.driver.listen(["t"], []);
    await a.appendAll("t", numbers(20));
    const seen = await b.come("t", 20);
    const { epoch, top, entries } = await a.driver.read("t", wide, 0);
    expect(entries.map(({ offset, before, record }) => [offset, before, recordId(record)])).toEqual(
      seen.map(({ offset, before, record }) => [offset, before, record.id]),
    );
    expect(entries.map(({ id }) => id)).toEqual(seen.map(({ record }) => record.id));
    expect(b.packets.every(({ decoded }) => decoded?.history?.epoch === epoch)).toBe(true);
    expect(top).toEqual({ epoch, offset: 20, id: seen.at(-1)?.record.id });
    expect(entries[0]?.before).toBe(NO_ID);
  });

  test("topics have histories of their own", async () => {
    const { a, b } = await start();
    await Promise.all([a.append("t", "of t"), b.append("u", "of u"), a.append("u", "of u too")]);
    expect(textsOf(await b.driver.read("t", wide, 0))).toEqual(["of t"]);
    expect((await b.driver.read("u", wide, 0)).entries.length).toBe(2);
    const [t, u] = await a.driver.tops(["t", "u"]);
    expect(t?.epoch).not.toBe(u?.epoch);
  });

  test("never more messages than the size are kept, and not less", async () => {
    const { a, b } = await start();
    for (const [i, text] of numbers(25).entries()) {
      await a.append("t", text, small);
      const page = await b.driver.read("t", small, 0);
      expect(textsOf(page)).toEqual(numbers(25).slice(Math.max(0, i - 9), i + 1));
    }
    const { top, entries } = await b.driver.read("t", small, 0);
    expect([top.offset, entries[0]?.offset]).toEqual([25, 16]);
  });

  test("a message is forgotten after its time, and not before", async () => {
    const { a, b, broker } = await start();
    const rule = { size: 100, ttl: 600 };
    const before = broker.now();
    const { epoch } = await a.append("t", "1", rule);
    await until("the end of the message", async () => {
      const asked = broker.now();
      if ((await b.driver.read("t", rule, 0)).entries.length === 0) return true;
      expect(asked - before).toBeLessThan(rule.ttl + 5_000);
      await broker.pass(50);
      return false;
    });
    expect(broker.now() - before).toBeGreaterThanOrEqual(rule.ttl);
    // The place of the newest message is known for longer.
    const page = await b.driver.read("t", rule, 0);
    expect([page.epoch, page.top.offset]).toEqual([epoch, 1]);
    expect(await a.append("t", "2", rule)).toEqual({ epoch, first: 2, isDuplicate: false });
    expect((await b.driver.read("t", rule, 0)).entries[0]?.before).toBe(page.top.id);
  });

  test("an empty topic has a position, the same on every node, and nothing is missing after it", async () => {
    const { a, b } = await start();
    const [one, two] = await Promise.all([a.driver.read("t", wide, 0), b.driver.read("t", wide, 0)]);
    expect(one.epoch).toMatch(/^[\w-]{8}$/);
    expect(one.top).toEqual({ epoch: one.epoch, offset: 0, id: NO_ID });
    expect([two.epoch, two.top, two.entries]).toEqual([one.epoch, one.top, []]);
    expect(isProven(await b.driver.read("t", wide, 0, one.top), one.top)).toBe(true);
    expect(await a.append("t", "1")).toEqual({ epoch: one.epoch, first: 1, isDuplicate: false });
    const page = await b.driver.read("t", wide, 0, one.top);
    expect([textsOf(page), isProven(page, one.top)]).toEqual([["1"], true]);
  });

  test("who comes back gets what he has missed, on any node, and knows whether that is all", async () => {
    const { a, b } = await start();
    const all = await marks(a, "t", 25, small);
    const [top] = all.slice(-1);
    const other = { ...all[20]!, epoch: (await a.driver.read("other", small, 0)).epoch };
    const cases: readonly [what: string, since: Mark, texts: string[], isAll: boolean][] = [
      ["in the middle", all[19]!, numbers(5, 21), true],
      ["at the top", top!, [], true],
      ["above the top", { ...top!, offset: 26 }, [], false],
      ["far above the top", { ...top!, offset: 2 ** 48 }, [], false],
      ["trimmed by one", all[14]!, numbers(10, 16), true],
      ["trimmed by two", all[13]!, numbers(10, 16), false],
      ["at the beginning", { epoch: top!.epoch, offset: 0, id: NO_ID }, numbers(10, 16), false],
      ["another epoch", other, numbers(4, 22), false],
      ["another id in the middle", { ...all[19]!, id: all[18]!.id }, numbers(5, 21), false],
      ["another id at the top", { ...top!, id: all[18]!.id }, [], false],
    ];
    for (const [what, since, texts, isAll] of cases) {
      const page = await b.driver.read("t", small, since.offset, since);
      expect([what, textsOf(page), isProven(page, since)]).toEqual([what, texts, isAll]);
      expect(page.top).toEqual(top);
    }
  });

  test("the last ones can be read, and all if there are not as many", async () => {
    const { a, b } = await start();
    await a.appendAll("t", numbers(25), small);
    expect(textsOf(await b.driver.read("t", small, -1))).toEqual(["25"]);
    expect(textsOf(await b.driver.read("t", small, -5))).toEqual(numbers(5, 21));
    expect(textsOf(await b.driver.read("t", small, -10))).toEqual(numbers(10, 16));
    expect(textsOf(await b.driver.read("t", small, -1_000))).toEqual(numbers(10, 16));
    expect(textsOf(await b.driver.read("none", small, -5))).toEqual([]);
  });

  test("a long history is read in pages of about 1 MiB, the oldest first", async () => {
    const { a, b } = await start();
    const texts = numbers(40).map((text) => text.padEnd(100_000, "."));
    await a.appendAll("t", texts);
    for (const after of [0, -40]) {
      const pages = await b.readAll("t", wide, after);
      expect(pages.length).toBeGreaterThan(2);
      expect(pages.flatMap(textsOf)).toEqual(texts);
      for (const { entries } of pages)
        expect(entries.slice(0, -1).reduce((size, { record }) => size + record.length, 0)).toBeLessThan(2 ** 20);
    }
  });

  test("a page has one message at least, however large it is", async () => {
    const { a, b } = await start();
    for (const text of numbers(3)) await a.append("t", text.padEnd(2_000_000, "."));
    const pages = await b.readAll("t");
    expect(pages.flatMap(offsetsOf)).toEqual([1, 2, 3]);
    expect(pages.length).toBe(3);
  });

  test("if messages are trimmed between two pages, that can be seen once", async () => {
    const { a, b } = await start();
    await a.appendAll("t", numbers(10), small);
    const last = (await b.driver.read("t", small, 0)).entries.at(-1)!;
    await a.appendAll("t", numbers(15, 11), small);
    const page = await b.driver.read("t", small, last.offset);
    expect([textsOf(page), page.entries[0]?.before === last.id]).toEqual([numbers(10, 16), false]);
    for (let i = 1; i < page.entries.length; i++) expect(page.entries[i]?.before).toBe(page.entries[i - 1]?.id);
  });

  test("who listens first and reads then has every message once, while others are stored", async () => {
    const { a, b } = await start();
    const end = { isReached: false };
    const storing = (async () => {
      let count = 0;
      for (; !end.isReached; count++) {
        await a.append("t", String(count + 1));
        await new Promise((resolve) => setImmediate(resolve));
      }
      return count;
    })();
    for (let round = 0; round < 20; round++) {
      const seen = b.packets.length;
      await b.driver.listen(["t"], []);
      const pages = await b.readAll("t");
      const { offset } = pages.at(-1)!.top;
      await until("a message after the read one", () => (b.seen("t").at(-1)?.offset ?? 0) > offset);
      const read = pages.flatMap(offsetsOf);
      expect(read).toEqual(Array.from({ length: read.length }, (_, i) => i + 1));
      const live = b.packets.slice(seen).map(({ decoded }) => decoded!.history!.first);
      expect(live[0]).toBeLessThanOrEqual(read.length + 1);
      expect(live).toEqual(live.map((_, i) => live[0]! + i));
      await b.driver.listen([], ["t"]);
    }
    end.isReached = true;
    expect(await storing).toBe((await b.readAll("t")).flatMap(offsetsOf).length);
  });

  test("the newest messages of many topics are told, and what is not known is undefined", async () => {
    const { a, b } = await start();
    await a.appendAll("t", numbers(3));
    await b.driver.read("empty", wide, 0);
    const [t] = [await a.driver.read("t", wide, 0)];
    const [unknown, empty, top, again] = await b.driver.tops(["unknown", "empty", "t", "t"]);
    expect([unknown, empty?.offset, top, again]).toEqual([undefined, 0, t.top, t.top]);
    expect(await b.driver.tops([])).toEqual([]);
    // Asking has made nothing.
    expect(await b.driver.tops(["unknown"])).toEqual([undefined]);
  });

  test("many topics may be asked for", async () => {
    const { a, b } = await start();
    const topics = numbers(1_000).map((text) => `many ${text}`);
    await Promise.all(topics.map((topic) => a.append(topic, "1")));
    expect((await b.driver.tops(topics)).every((top) => top?.offset === 1)).toBe(true);
  });
}
