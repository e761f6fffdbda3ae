import { describe, expect, test } from "vitest";
import { Room, type RoomSource } from "../../../src/connection/sending/room.ts";
import { turns } from "../../support/wire.ts";

/** A room, and a source of which the test says whether there is room. It writes down what it is told. */
function rig() {
  const log: string[] = [];
  const source: RoomSource & { hasRoom: boolean } = {
    hasRoom: false,
    askForNews: () => log.push("ask"),
    roomAgain: () => log.push("room"),
  };
  const room = new Room(source);
  const note = (promise: Promise<boolean>): unknown => promise.then((there) => log.push(String(there)));
  return { room, source, log, note };
}

describe("room that is wanted", () => {
  test("is looked for at the turn's end, not before", async () => {
    const { room, source, log } = rig();
    source.hasRoom = true;
    room.want();
    expect(log).toEqual([]);
    await turns(1);
    expect(log).toEqual(["room"]);
  });

  test("is told once, however often it was wanted", async () => {
    const { room, source, log } = rig();
    source.hasRoom = true;
    for (let i = 0; i < 5; i++) room.want();
    await turns();
    expect(log).toEqual(["room"]);
    room.news();
    expect(log).toEqual(["room"]);
  });

  test("is looked for once in a turn, however often it was wanted", async () => {
    let looks = 0;
    const room = new Room({
      get hasRoom() {
        looks++;
        return false;
      },
      askForNews: () => undefined,
      roomAgain: () => undefined,
    });
    for (let turn = 1; turn <= 3; turn++) {
      for (let i = 0; i < 5; i++) room.want();
      await turns(1);
      expect(looks).toBe(turn);
    }
  });

  test("is told again when it is wanted again", async () => {
    const { room, source, log } = rig();
    source.hasRoom = true;
    for (let i = 0; i < 3; i++) {
      room.want();
      await turns(1);
    }
    expect(log).toEqual(["room", "room", "room"]);
  });

  test("is asked for where there is none, once until there is news", async () => {
    const { room, log } = rig();
    room.want();
    await turns(1);
    expect(log).toEqual(["ask"]);
    room.want();
    await turns(1);
    expect(log).toEqual(["ask"]);
    room.news();
    await turns(1);
    expect(log).toEqual(["ask", "ask"]);
  });

  test("is never asked for twice in one turn, whatever the news are", async () => {
    const log: string[] = [];
    const room = new Room({
      hasRoom: false,
      // Sizes that do not add up: all is taken at once, and there is no room all the same.
      askForNews: () => {
        log.push("ask");
        process.nextTick(() => room.news());
      },
      roomAgain: () => undefined,
    });
    room.want();
    for (let turn = 1; turn <= 3; turn++) {
      await turns(1);
      expect(log.length).toBe(turn);
    }
    room.close();
  });

  test("is told at once when the news is that there is some", async () => {
    const { room, source, log } = rig();
    room.want();
    await turns(1);
    source.hasRoom = true;
    room.news();
    expect(log).toEqual(["ask", "room"]);
  });

  test("is asked for anew when it is wanted anew, though the news before were good", async () => {
    const { room, source, log } = rig();
    room.want();
    await turns(1);
    source.hasRoom = true;
    room.news();
    source.hasRoom = false;
    room.want();
    await turns(1);
    expect(log).toEqual(["ask", "room", "ask"]);
  });

  test("is not looked for where nobody wants any", () => {
    const { room, source, log } = rig();
    room.news();
    source.hasRoom = true;
    room.news();
    expect(log).toEqual([]);
  });

  test("may be wanted by who is told that there is some", async () => {
    const { room, source, log } = rig();
    source.hasRoom = true;
    source.roomAgain = () => {
      if (log.push("room") === 1) room.want();
    };
    room.want();
    await turns(1);
    expect(log).toEqual(["room"]);
    await turns(1);
    expect(log).toEqual(["room", "room"]);
  });
});

describe("who waits for room", () => {
  test("is told true when there is some, all of them, and the source too", async () => {
    const { room, source, log, note } = rig();
    note(room.promise());
    note(room.promise());
    await turns(1);
    expect(log).toEqual(["ask"]);
    source.hasRoom = true;
    room.news();
    await turns(1);
    expect(log).toEqual(["ask", "room", "true", "true"]);
  });

  test("is told false when the connection is gone, and the source nothing", async () => {
    const { room, source, log, note } = rig();
    note(room.promise());
    room.want();
    room.close();
    source.hasRoom = true;
    await turns();
    room.news();
    expect(log).toEqual(["false"]);
  });

  test("is told once", async () => {
    const { room, source, log, note } = rig();
    note(room.promise());
    source.hasRoom = true;
    await turns();
    room.close();
    room.close();
    await turns();
    expect(log).toEqual(["room", "true"]);
  });

  test("makes the room awaited until it is told, of whichever", async () => {
    for (const end of ["room", "gone"] as const) {
      const { room, source, note } = rig();
      expect(room.awaited).toBe(false);
      note(room.promise());
      note(room.promise());
      expect(room.awaited).toBe(true);
      await turns();
      room.news();
      expect(room.awaited).toBe(true);
      source.hasRoom = end === "room";
      if (end === "room") room.news();
      else room.close();
      expect(room.awaited).toBe(false);
    }
  });

  test("is somebody who waits for its promise, not who only wants to be told", async () => {
    const { room, log } = rig();
    room.want();
    await turns(1);
    expect([room.awaited, log]).toEqual([false, ["ask"]]);
  });
});
