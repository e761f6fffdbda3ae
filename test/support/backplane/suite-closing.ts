import { expect, test } from "vitest";
import { TestNode, wide } from "./node.ts";
import type { SuiteRig } from "./rig.ts";
import { within } from "../within.ts";
import { until } from "./until.ts";

const away = expect.objectContaining({ name: "HawserError", code: "HWS_BACKPLANE_AWAY" }) as Error;

/** How every driver begins and ends. That no handle is left, `open-handles.ts` checks after the last test of the file. */
export function closingSuite(start: () => Promise<SuiteRig>): void {
  test("the status is told when it begins and when it ends", async () => {
    const { a } = await start();
    expect(a.statuses.at(-1)).toBe("ready");
    await a.driver.close(within(1_000));
    expect(a.statuses.filter((status) => status === "closed").length).toBe(1);
    expect([a.statuses.at(-1), a.lost]).toEqual(["closed", []]);
  });

  test("a node whose topics have other rules than those of the one before it is told, once", async () => {
    const { open } = await start();
    const rules = JSON.stringify({ t: { size: 5, ttl: 60_000 } });
    const [other, same] = [await open(rules), await open(rules)];
    await until("the mismatch", () => other.failures.length > 0);
    const told = other.failures.splice(0);
    expect(told).toMatchObject([["read", { code: "HWS_BACKPLANE_MISMATCH" }]]);
    expect(String(told[0]?.[1])).toContain('"t" has {"size":5,"ttl":60000} here, and no history there');
    expect(same.failures).toEqual([]);
  });

  test("a driver knows whether there may be others", async () => {
    const { a, b } = await start();
    expect([a.driver.hasPeers, b.driver.hasPeers]).toEqual([true, true]);
    expect(a.driver.maxBatch).toBeGreaterThanOrEqual(1);
  });

  test("after it every call rejects, and nothing is sent", async () => {
    const { a } = await start();
    await a.driver.close(within(1_000));
    const { driver } = a;
    const calls: Promise<unknown>[] = [
      driver.listen(["t"], []),
      a.append("t", "no"),
      driver.read("t", wide, 0),
      driver.tops(["t"]),
      driver.join("t", 1, { id: "a", data: undefined }, false),
      driver.leave("t", 1, "a"),
      driver.members("t", 10),
      driver.beat(),
      driver.reap("nodename"),
    ];
    for (const call of calls) await expect(call).rejects.toEqual(away);
    expect(a.send("t", "no")).toBe(false);
    expect(a.send(undefined, "no")).toBe(false);
  });

  test("it may be called twice, also at the same time", async () => {
    const { a } = await start();
    await Promise.all([a.driver.close(within(1_000)), a.driver.close(within(1_000))]);
    await a.driver.close(within(0));
    expect(a.statuses.at(-1)).toBe("closed");
  });

  test("others go on, and what was stored stays", async () => {
    const { a, b, open } = await start();
    const c = await open();
    await Promise.all([a, b, c].map(({ driver }) => driver.listen(["t"], [])));
    const { epoch } = await a.append("t", "1");
    await a.driver.close(within(1_000));
    expect(await b.append("t", "2")).toEqual({ epoch, first: 2, isDuplicate: false });
    expect(b.send("t", "plain")).toBe(true);
    await c.come("t", 3);
    expect((await c.driver.read("t", wide, 0)).entries.length).toBe(2);
  });

  test("nothing comes after it, also if it is called while a packet comes", async () => {
    const { a, b, broker } = await start();
    await b.driver.listen(["t"], []);
    let closing: Promise<void> | undefined;
    b.onNext = () => void (closing ??= b.driver.close(within(1_000)));
    for (let i = 0; i < 10; i++) expect(a.send("t", String(i))).toBe(true);
    await a.append("t", "stored");
    await b.come("t", 1);
    await closing;
    await broker.settle();
    expect(b.packets.length).toBe(1);
  });

  test("calls that are under way end", async () => {
    const { a } = await start();
    const calls = [a.append("t", "1"), a.driver.read("t", wide, 0), a.driver.listen(["t"], []), a.driver.beat()];
    await a.driver.close(within(1_000));
    const ends = await Promise.allSettled(calls);
    expect(ends.length).toBe(4);
  });

  test("a driver that was never opened, or was not ready yet, can be closed", async () => {
    const { broker } = await start();
    const never = new TestNode(broker.backplane);
    expect(never.send("t", "no")).toBe(false);
    await expect(never.append("t", "no")).rejects.toEqual(away);
    await never.driver.close(within(1_000));
    const early = new TestNode(broker.backplane);
    const opening = early.driver.open(early, early.name);
    await early.driver.close(within(1_000));
    await opening;
    expect(early.statuses.at(-1)).toBe("closed");
  });
}
