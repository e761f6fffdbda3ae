import { describe, expect, test } from "vitest";
import { DrainWaiters, type DrainSource } from "../../../src/connection/sending/drain-waiters.ts";
import { turns } from "../../support/wire.ts";

/** Waiters, and a source that the test drains. It records its calls. */
function rig() {
  const log: string[] = [];
  const source: DrainSource & { isDrained: boolean } = {
    isDrained: false,
    askWhenTaken: () => log.push("ask"),
    onDrained: () => log.push("drained"),
    onFailed: () => undefined,
  };
  const waiters = new DrainWaiters(source);
  const note = (promise: Promise<boolean>): unknown => promise.then((there) => log.push(String(there)));
  return { waiters, source, log, note };
}

describe("a requested drain", () => {
  test("is checked at the turn's end, not before", async () => {
    const { waiters, source, log } = rig();
    source.isDrained = true;
    waiters.request();
    expect(log).toEqual([]);
    await turns(1);
    expect(log).toEqual(["drained"]);
  });

  test("is reported once, however often it was requested", async () => {
    const { waiters, source, log } = rig();
    source.isDrained = true;
    for (let i = 0; i < 5; i++) waiters.request();
    await turns();
    expect(log).toEqual(["drained"]);
    waiters.onTaken();
    expect(log).toEqual(["drained"]);
  });

  test("is checked once in a turn, however often it was requested", async () => {
    let looks = 0;
    const waiters = new DrainWaiters({
      get isDrained() {
        looks++;
        return false;
      },
      askWhenTaken: () => undefined,
      onDrained: () => undefined,
      onFailed: () => undefined,
    });
    for (let turn = 1; turn <= 3; turn++) {
      for (let i = 0; i < 5; i++) waiters.request();
      await turns(1);
      expect(looks).toBe(turn);
    }
  });

  test("is reported again when it is requested again", async () => {
    const { waiters, source, log } = rig();
    source.isDrained = true;
    for (let i = 0; i < 3; i++) {
      waiters.request();
      await turns(1);
    }
    expect(log).toEqual(["drained", "drained", "drained"]);
  });

  test("asks the source for a notice when it is not drained, once until the notice comes", async () => {
    const { waiters, log } = rig();
    waiters.request();
    await turns(1);
    expect(log).toEqual(["ask"]);
    waiters.request();
    await turns(1);
    expect(log).toEqual(["ask"]);
    waiters.onTaken();
    await turns(1);
    expect(log).toEqual(["ask", "ask"]);
  });

  test("never asks twice in one turn, whatever the notices say", async () => {
    const log: string[] = [];
    const waiters = new DrainWaiters({
      isDrained: false,
      // The sizes do not add up: all is taken at once, but the source is still not drained.
      askWhenTaken: () => {
        log.push("ask");
        process.nextTick(() => waiters.onTaken());
      },
      onDrained: () => undefined,
      onFailed: () => undefined,
    });
    waiters.request();
    for (let turn = 1; turn <= 3; turn++) {
      await turns(1);
      expect(log.length).toBe(turn);
    }
    waiters.close();
  });

  test("is reported at once when the notice comes and the source is drained", async () => {
    const { waiters, source, log } = rig();
    waiters.request();
    await turns(1);
    source.isDrained = true;
    waiters.onTaken();
    expect(log).toEqual(["ask", "drained"]);
  });

  test("asks again when it is requested again after a report", async () => {
    const { waiters, source, log } = rig();
    waiters.request();
    await turns(1);
    source.isDrained = true;
    waiters.onTaken();
    source.isDrained = false;
    waiters.request();
    await turns(1);
    expect(log).toEqual(["ask", "drained", "ask"]);
  });

  test("is not checked when nobody requested it", () => {
    const { waiters, source, log } = rig();
    waiters.onTaken();
    source.isDrained = true;
    waiters.onTaken();
    expect(log).toEqual([]);
  });

  test("may be requested again inside the report", async () => {
    const { waiters, source, log } = rig();
    source.isDrained = true;
    source.onDrained = () => {
      if (log.push("drained") === 1) waiters.request();
    };
    waiters.request();
    await turns(1);
    expect(log).toEqual(["drained"]);
    await turns(1);
    expect(log).toEqual(["drained", "drained"]);
  });
});

describe("a waiter for the drain", () => {
  test("gets true when the source is drained, each of them, and the drain is reported too", async () => {
    const { waiters, source, log, note } = rig();
    note(waiters.wait());
    note(waiters.wait());
    await turns(1);
    expect(log).toEqual(["ask"]);
    source.isDrained = true;
    waiters.onTaken();
    await turns(1);
    expect(log).toEqual(["ask", "drained", "true", "true"]);
  });

  test("gets false when the connection is closed, and no drain is reported", async () => {
    const { waiters, source, log, note } = rig();
    note(waiters.wait());
    waiters.request();
    waiters.close();
    source.isDrained = true;
    await turns();
    waiters.onTaken();
    expect(log).toEqual(["false"]);
  });

  test("is settled once", async () => {
    const { waiters, source, log, note } = rig();
    note(waiters.wait());
    source.isDrained = true;
    await turns();
    waiters.close();
    waiters.close();
    await turns();
    expect(log).toEqual(["drained", "true"]);
  });

  test("counts as a waiter until it is settled, either way", async () => {
    for (const end of ["drained", "gone"] as const) {
      const { waiters, source, note } = rig();
      expect(waiters.hasWaiters).toBe(false);
      note(waiters.wait());
      note(waiters.wait());
      expect(waiters.hasWaiters).toBe(true);
      await turns();
      waiters.onTaken();
      expect(waiters.hasWaiters).toBe(true);
      source.isDrained = end === "drained";
      if (end === "drained") waiters.onTaken();
      else waiters.close();
      expect(waiters.hasWaiters).toBe(false);
    }
  });

  test("is a promise, not a plain request", async () => {
    const { waiters, log } = rig();
    waiters.request();
    await turns(1);
    expect([waiters.hasWaiters, log]).toEqual([false, ["ask"]]);
  });
});
