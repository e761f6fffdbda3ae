import { describe, expect, test } from "vitest";
import { Fifo } from "../../src/util/fifo.ts";

interface Item {
  readonly id: number;
}

function fifoOf(count: number): Fifo<Item> {
  const fifo = new Fifo<Item>();
  for (let id = 0; id < count; id++) fifo.push({ id });
  return fifo;
}

describe("a fifo", () => {
  test.each([0, 1, 63, 64, 65, 127, 128, 129, 1000])("returns %s items in their order", (count) => {
    const fifo = fifoOf(count);
    for (let id = 0; id < count; id++) {
      expect(fifo.length).toBe(count - id);
      expect(fifo.toArray()[0]).toEqual({ id });
      expect(fifo.shift()).toEqual({ id });
    }
    expect([fifo.length, fifo.toArray(), fifo.shift()]).toEqual([0, [], undefined]);
    fifo.push({ id: 9 });
    expect(fifo.shift()).toEqual({ id: 9 });
  });

  test("copies its items", () => {
    const fifo = fifoOf(2);
    fifo.toArray().pop();
    expect(fifo.length).toBe(2);
  });
});
