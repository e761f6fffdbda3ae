import { describe, expect, test } from "vitest";
import { type Point, slope } from "../../../scripts/reliability/statistics.ts";

const line = (rise: number): Point[] => Array.from({ length: 10 }, (_, x) => ({ x, y: 5 + x * rise }));

describe("the slope of a line through points", () => {
  test.each([0, 3, -2.5])("is that of the line they are on: %d", (rise) => {
    expect(slope(line(rise))).toBe(rise);
  });

  test("ignores a point that is far off", () => {
    const points = line(3).map((point, i) => (i === 9 ? { ...point, y: 1_000 } : point));

    expect(slope(points)).toBe(3);
  });

  test("is the middle one where points go up and down", () => {
    expect(
      slope([
        { x: 0, y: 0 },
        { x: 1, y: 4 },
        { x: 2, y: 6 },
      ]),
    ).toBe(3);
  });

  test("is 0 where there is no line", () => {
    expect(slope([])).toBe(0);
    expect(slope([{ x: 1, y: 7 }])).toBe(0);
    expect(
      slope([
        { x: 1, y: 7 },
        { x: 1, y: 8 },
      ]),
    ).toBe(0);
  });
});
