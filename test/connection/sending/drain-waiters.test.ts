import { describe, expect, test } from "vitest";
import { DrainWaiters, type DrainSource } from "../../../src/connection/sending/drain-waiters.ts";
import { turns } from "../../support/wire.ts";

/** A room, and a source of which the test says whether there is room. It writes down what it is told. */
function rig() {
  const log: string[] = [];
  const source: DrainSource & { isDrained: boolean } = {
    isDrained: false,
    askWhenTaken: () => log.push("ask"),
    onDrained: () => log.push("room"),
  };
  const room = new DrainWaiters(source);
  const note = (promise: Promise<boolean>): unknown => promise.then((there) => log.push(String(there)));
  return { room, source, log, note };
}

describe("room that is wanted", () => {
  test("is looked for at the turn's end, not before", async () => {
    const { room, source, log } = rig();
    source.isDrained = true;
    room.request();
    expect(log).toEqual([]);
    await turns(1);
    expect(log).toEqual(["room"]);
  });

  test("is told once, however often it was wanted", async () => {
    const { room, source, log } = rig();
    source.isDrained = true;
    for (let i = 0; i < 5; i++) room.request();
    await turns();
    expect(log).toEqual(["room"]);
    room.onTaken();
    expect(log).toEqual(["room"]);
  });

  test("is looked for once in a turn, however often it was wanted", async () => {
    let looks = 0;
    const room = new DrainWaiters({
      get isDrained() {
        looks++;
        return false;
      },
      askWhenTaken: () => undefined,
      onDrained: () => undefined,
    });
    for (let turn = 1; turn <= 3; turn++) {
      for (let i = 0; i < 5; i++) room.request();
      await turns(1);
      expect(looks).toBe(turn);
    }
  });

  test("is told again when it is wanted again", async () => {
    const { room, source, log } = rig();
    source.isDrained = true;
    for (let i = 0; i < 3; i++) {
      room.request();
      await turns(1);
    }
    expect(log).toEqual(["room", "room", "room"]);
  });

  test("is asked for where there is none, once until there is news", async () => {
    const { room, log } = rig();
    room.request();
    await turns(1);
    expect(log).toEqual(["ask"]);
    room.request();
    await turns(1);
    expect(log).toEqual(["ask"]);
    room.onTaken();
    await turns(1);
    expect(log).toEqual(["ask", "ask"]);
  });

  test("is never asked for twice in one turn, whatever the news are", async () => {
    const log: string[] = [];
    const room = new DrainWaiters({
      isDrained: false,
      // Sizes that do not add up: all is taken at once, and there is no room all the same.
      askWhenTaken: () => {
        log.push("ask");
        process.nextTick(() => room.onTaken());
      },
      onDrained: () => undefined,
    });
    room.request();
    for (let turn = 1; turn <= 3; turn++) {
      await turns(1);
      expect(log.length).toBe(turn);
    }
    room.close();
  });

  test("is told at once when the news is that there is some", async () => {
    const { room, source, log } = rig();
    room.request();
    await turns(1);
    source.isDrained = true;
    room.onTaken();
    expect(log).toEqual(["ask", "room"]);
  });

  test("is asked for anew when it is wanted anew, though the news before were good", async () => {
    const { room, source, log } = rig();
    room.request();
    await turns(1);
    source.isDrained = true;
    room.onTaken();
    source.isDrained = false;
    room.request();
    await turns(1);
    expect(log).toEqual(["ask", "room", "ask"]);
  });

  test("is not looked for where nobody wants any", () => {
    const { room, source, log } = rig();
    room.onTaken();
    source.isDrained = true;
    room.onTaken();
    expect(log).toEqual([]);
  });

  test("may be wanted by who is told that there is some", async () => {
    const { room, source, log } = rig();
    source.isDrained = true;
    source.onDrained = () => {
      if (log.push("room") === 1) room.request();
    };
    room.request();
    await turns(1);
    expect(log).toEqual(["room"]);
    await turns(1);
    expect(log).toEqual(["room", "room"]);
  });
});

describe("who waits for room", () => {
  test("is told true when there is some, all of them, and the source too", async () => {
    const { room, source, log, note } = rig();
    note(room.wait());
    note(room.wait());
    await turns(1);
    expect(log).toEqual(["ask"]);
    source.isDrained = true;
    room.onTaken();
    await turns(1);
    expect(log).toEqual(["ask", "room", "true", "true"]);
  });

  test("is told false when the connection is gone, and the source nothing", async () => {
    const { room, source, log, note } = rig();
    note(room.wait());
    room.request();
    room.close();
    source.isDrained = true;
    await turns();
    room.onTaken();
    expect(log).toEqual(["false"]);
  });

  test("is told once", async () => {
    const { room, source, log, note } = rig();
    note(room.wait());
    source.isDrained = true;
    await turns();
    room.close();
    room.close();
    await turns();
    expect(log).toEqual(["room", "true"]);
  });

  test("makes the room awaited until it is told, of whichever", async () => {
    for (const end of ["room", "gone"] as const) {
      const { room, source, note } = rig();
      expect(room.hasWaiters).toBe(false);
      note(room.wait());
      note(room.wait());
      expect(room.hasWaiters).toBe(true);
      await turns();
      room.onTaken();
      expect(room.hasWaiters).toBe(true);
      source.isDrained = end === "room";
      if (end === "room") room.onTaken();
      else room.close();
      expect(room.hasWaiters).toBe(false);
    }
  });

  test("is somebody who waits for its promise, not who only wants to be told", async () => {
    const { room, log } = rig();
    room.request();
    await turns(1);
    expect([room.hasWaiters, log]).toEqual([false, ["ask"]]);
  });
});
