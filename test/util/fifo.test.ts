import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { Fifo } from "../../src/util/fifo.ts";

describe("a fifo", () => {
  test("is empty at first", () => {
    const fifo = new Fifo<string>();
    expect([fifo.length, fifo.first, fifo.last, fifo.shift(), fifo.pop(), [...fifo]]).toEqual([
      0,
      undefined,
      undefined,
      undefined,
      undefined,
      [],
    ]);
  });

  test("holds undefined like any other item", () => {
    const fifo = new Fifo<string | undefined>();
    fifo.push(undefined);
    fifo.push("a");
    expect([fifo.length, fifo.shift(), fifo.length, fifo.shift(), fifo.length]).toEqual([2, undefined, 1, "a", 0]);
  });

  test("does what an array does, whatever its length", () => {
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.record({ push: fc.integer({ min: 1, max: 100 }) }) },
      { weight: 5, arbitrary: fc.record({ shift: fc.integer({ min: 1, max: 100 }) }) },
      fc.constant("pop" as const),
      { weight: 1, arbitrary: fc.constant("clear" as const) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const fifo = new Fifo<number>();
        const model: number[] = [];
        let next = 0;
        for (const action of steps) {
          if (action === "pop") expect(fifo.pop()).toBe(model.pop());
          else if (action === "clear") {
            fifo.clear();
            model.length = 0;
          } else if ("push" in action) {
            for (let i = 0; i < action.push; i++) {
              fifo.push(next);
              model.push(next++);
            }
          } else for (let i = 0; i < action.shift; i++) expect(fifo.shift()).toBe(model.shift());
          expect([fifo.length, fifo.first, fifo.last]).toEqual([model.length, model[0], model.at(-1)]);
          expect([...fifo]).toEqual(model);
          expect([-1, 0, 1, 2, model.length - 1, model.length].map((index) => fifo.at(index))).toEqual(
            [-1, 0, 1, 2, model.length - 1, model.length].map((index) => model[index]),
          );
        }
      }),
    );
  });
});
