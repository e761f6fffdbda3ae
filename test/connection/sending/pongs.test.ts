import { describe, expect, test } from "vitest";
import { Pongs } from "../../../src/connection/sending/pongs.ts";
import { hex, toHex } from "../../support/bytes.ts";

/** Pongs of which `most` may wait, with the frames 00, 01, … added. */
function filled(count: number, most: number) {
  const pongs = new Pongs();
  const limitCounters = { maxPongQueue: 0 };
  for (let i = 0; i < count; i++) pongs.add(hex(i.toString(16).padStart(2, "0")), most, limitCounters);
  return { pongs, limitCounters, taken: () => pongs.take().map(toHex) };
}

describe("pongs that wait", () => {
  test("are taken all together, the oldest first, and once", () => {
    const { taken, limitCounters } = filled(3, 3);
    expect(taken()).toEqual(["00", "01", "02"]);
    expect(taken()).toEqual([]);
    expect(limitCounters.maxPongQueue).toBe(0);
  });

  test.each([
    [4, 3, ["01", "02", "03"], 1],
    [10, 3, ["07", "08", "09"], 7],
    [10, 1, ["09"], 9],
    [10, 0, [], 10],
  ])("are, of %d where %d may wait, the newest; each that made way is counted", (count, most, left, reached) => {
    const { taken, limitCounters } = filled(count, most);
    expect(taken()).toEqual(left);
    expect(limitCounters.maxPongQueue).toBe(reached);
  });

  test("may be as many again once they were taken", () => {
    const { pongs, taken, limitCounters } = filled(3, 3);
    const first = pongs.take();
    pongs.add(hex("aa"), 3, limitCounters);
    expect(first.map(toHex)).toEqual(["00", "01", "02"]);
    expect([taken(), limitCounters.maxPongQueue]).toEqual([["aa"], 0]);
  });
});
