import { expect, test } from "vitest";
import type { HistoryRule, Mark } from "../../../src/backplane/contract.ts";
import { NO_ID } from "../../../src/backplane/ids.ts";
import { textsOf, wide } from "./node.ts";
import { message } from "./records.ts";
import type { SuiteRig } from "./rig.ts";

const small: HistoryRule = { size: 10, ttl: 600_000 };

const uncertain = expect.objectContaining({ name: "HawserError", code: "HWS_PUBLISH_UNCERTAIN" }) as Error;

/** What every driver does with messages that it may have stored already, and with several at once. */
export function retrySuite(start: () => Promise<SuiteRig>): void {
  test("is stored once, if the application gave it an id", async () => {
    const { a, b, broker } = await start();
    await b.driver.listen(["t"], []);
    const first = await a.append("t", "one", wide, { id: "order 7" });
    await a.append("t", "two");
    for (const node of [a, b]) {
      const again = await node.append("t", "other text", wide, { id: "order 7" });
      expect(again).toEqual({ ...first, isDuplicate: true });
    }
    await b.come("t", 2);
    await broker.settle();
    expect(b.texts("t")).toEqual(["one", "two"]);
    expect(textsOf(await b.driver.read("t", wide, 0))).toEqual(["one", "two"]);
  });

  test("is stored once, if two nodes do it at the same time", async () => {
    const { a, b } = await start();
    const ids = Array.from({ length: 50 }, (_, i) => `id ${i}`);
    const both = await Promise.all(
      ids.map((id) => Promise.all([a, b].map((node) => node.append("t", id, wide, { id })))),
    );
    for (const [one, two] of both) {
      expect([one?.epoch, one?.first]).toEqual([two?.epoch, two?.first]);
      expect([one?.isDuplicate, two?.isDuplicate].sort()).toEqual([false, true]);
    }
    expect((await a.driver.tops(["t"]))[0]?.offset).toBe(50);
  });

  test("is another one in another topic, or with another id", async () => {
    const { a } = await start();
    for (const id of ["a", "A", "a ", "", "\0", "é", "x".repeat(128)])
      for (const topic of ["t", "u"]) expect((await a.append(topic, "text", wide, { id })).isDuplicate).toBe(false);
    expect((await a.driver.tops(["t", "u"])).map((top) => top?.offset)).toEqual([7, 7]);
  });

  test("is found, if the first try has stored it", async () => {
    const { a, b, broker } = await start();
    await a.append("t", "before");
    const [again] = (await a.driver.tops(["t"])) as [Mark];
    await b.driver.listen(["t"], []);
    const record = message("lost answer");
    const first = await a.driver.append("t", wide, [record]);
    await b.append("t", "of another node");
    expect(await a.driver.append("t", wide, [record], { again })).toEqual(first);
    await broker.settle();
    expect(b.texts("t")).toEqual(["lost answer", "of another node"]);
    expect((await a.driver.tops(["t"]))[0]?.offset).toBe(3);
  });

  test("is found in a topic that was empty", async () => {
    const { a } = await start();
    const { top } = await a.driver.read("t", wide, 0);
    const record = message("first");
    expect(await a.driver.append("t", wide, [record], { again: top })).toMatchObject({ first: 1, isDuplicate: false });
    expect(await a.driver.append("t", wide, [record], { again: top })).toMatchObject({ first: 1, isDuplicate: false });
    expect(await a.driver.tops(["t"])).toMatchObject([{ offset: 1 }]);
  });

  test("is stored, if the first try has not stored it", async () => {
    const { a, b } = await start();
    await a.append("t", "before");
    const [again] = (await a.driver.tops(["t"])) as [Mark];
    for (const text of ["x", "y"]) await b.append("t", text);
    expect(await a.append("t", "late", wide, { again })).toMatchObject({ first: 4, isDuplicate: false });
    expect(textsOf(await b.driver.read("t", wide, 0))).toEqual(["before", "x", "y", "late"]);
  });

  test("is uncertain, if the mark before the first try proves nothing", async () => {
    const { a, b } = await start();
    await a.append("t", "before", small);
    const [again] = (await a.driver.tops(["t"])) as [Mark];
    const { epoch } = await a.driver.read("other", small, 0);
    const tries: Promise<unknown>[] = [
      a.append("t", "no", small, { again: { ...again, epoch } }),
      a.append("t", "no", small, { again: { ...again, offset: 2 } }),
      a.append("unknown", "no", small, { again }),
      a.append("unknown", "no", small, { again: { epoch, offset: 0, id: NO_ID } }),
    ];
    for (const one of tries) await expect(one).rejects.toEqual(uncertain);
    await b.appendAll(
      "t",
      Array.from({ length: 11 }, (_, i) => String(i)),
      small,
    );
    // The first try may be the one that was trimmed.
    await expect(a.append("t", "no", small, { again })).rejects.toEqual(uncertain);
    expect((await a.driver.tops(["t"]))[0]?.offset).toBe(12);
    await b.append("t", "one more", small);
    const [later] = (await b.driver.tops(["t"])) as [Mark];
    expect(await a.append("t", "yes", small, { again: later })).toMatchObject({ first: 14, isDuplicate: false });
  });

  test("is looked for up to the oldest one that is kept", async () => {
    const { a, b } = await start();
    await a.append("t", "before", small);
    const [again] = (await a.driver.tops(["t"])) as [Mark];
    const record = message("first try");
    await a.driver.append("t", small, [record]);
    await b.appendAll(
      "t",
      Array.from({ length: 9 }, (_, i) => String(i)),
      small,
    );
    expect(await a.driver.append("t", small, [record], { again })).toMatchObject({ first: 2, isDuplicate: false });
    await b.append("t", "9", small);
    await expect(a.driver.append("t", small, [record], { again })).rejects.toEqual(uncertain);
  });

  test("a batch is stored and comes as a whole", async (context) => {
    const { a, b } = await start();
    const size = Math.min(a.driver.maxBatch, 50);
    if (size === 1 && a.driver.name !== "memory") context.skip();
    await Promise.all([a, b].map(({ driver }) => driver.listen(["t"], [])));
    const batch = (name: string): string[] => Array.from({ length: Math.max(size, 3) }, (_, i) => `${name} ${i}`);
    const names = Array.from({ length: 20 }, (_, i) => String(i));
    const stored = await Promise.all(names.map((name, i) => (i % 2 === 0 ? a : b).append("t", batch(name))));
    const count = names.length * batch("").length;
    for (const node of [a, b]) await node.come("t", count);
    const texts = a.texts("t");
    expect(b.texts("t")).toEqual(texts);
    for (const [i, name] of names.entries())
      expect(texts.slice(stored[i]!.first - 1, stored[i]!.first - 1 + batch("").length)).toEqual(batch(name));
    expect(b.packets.length).toBe(names.length);
    expect((await b.readAll("t")).flatMap(textsOf)).toEqual(texts);
  });

  test("a batch that is larger than the size leaves its newest messages", async (context) => {
    const { a, b } = await start();
    if (a.driver.maxBatch < 12 && a.driver.name !== "memory") context.skip();
    await a.append(
      "t",
      Array.from({ length: 12 }, (_, i) => String(i + 1)),
      small,
    );
    const { top, entries } = await b.driver.read("t", small, 0);
    expect([top.offset, entries[0]?.offset, entries.length]).toEqual([12, 3, 10]);
  });
}
