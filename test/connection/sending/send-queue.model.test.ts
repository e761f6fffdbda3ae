import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fill, toHex } from "../../support/bytes.ts";
import { encode } from "../../support/frames.ts";
import { cases, seed } from "../../support/fuzz.ts";
import { type Kind, KindQueue, bytesOf, kindOf } from "../../support/kind-queue.ts";

/** Bytes of a message's frame. */
function frameSize(kind: Kind, length: number): number {
  return kind === "frame" ? length : encode({ opcode: 1, payload: fill(0, length) }).length;
}

/** A model of the queue, as simple as possible. */
class Model {
  items: { kind: Kind; hex: string; key: string | undefined }[] = [];
  #conflated = false;

  get size(): number {
    return this.items.reduce((sum, { kind, hex: digits }) => sum + frameSize(kind, digits.length / 2), 0);
  }

  add(kind: Kind, digits: string, key: string | undefined): boolean {
    const at = this.#conflated ? this.items.findIndex((item) => item.key === key) : -1;
    const item = { kind, hex: digits, key };
    if (at < 0) this.items.push(item);
    else this.items[at] = item;
    return at >= 0;
  }

  dropTo(limit: number): number {
    const before = this.items.length;
    while (this.size > limit && this.items.length > 0) this.items.shift();
    return before - this.items.length;
  }

  conflate(): number {
    const before = this.items.length;
    this.#conflated = true;
    this.items = this.items.filter(({ key }, i) => !this.items.slice(i + 1).some((later) => later.key === key));
    return before - this.items.length;
  }

  has(key: string | undefined): boolean {
    return this.#conflated && this.items.some((item) => item.key === key);
  }
}

describe("a queue behaves like a simple list of messages", () => {
  const key = fc.constantFrom("a", "b", "c", undefined);
  const kind = fc.constantFrom<Kind>("text", "binary", "frame");
  const add = fc.record({
    do: fc.constant("add" as const),
    kind,
    key,
    length: fc.constantFrom(0, 1, 20, 125, 126, 300),
  });
  const step = fc.oneof(
    { weight: 8, arbitrary: add },
    { weight: 4, arbitrary: fc.record({ do: fc.constant("take" as const), times: fc.nat({ max: 90 }) }) },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant("dropTo" as const), limit: fc.integer({ min: -1, max: 900 }) }),
    },
    { weight: 1, arbitrary: fc.constant({ do: "conflate" as const }) },
    { weight: 2, arbitrary: add.map((many) => ({ ...many, do: "addMany" as const })) },
  );

  test("whatever is done to it", () => {
    let number = 0;
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const [queue, model] = [new KindQueue(), new Model()];
        const addOne = (of: Kind, length: number, its: string | undefined): void => {
          const bytes = fill(++number & 0x7f, length);
          expect(queue.addKind(of, bytes, its)).toBe(model.add(of, toHex(bytes), its));
        };
        for (const one of steps) {
          if (one.do === "add") addOne(one.kind, one.length, one.key);
          else if (one.do === "addMany")
            for (let i = 0; i < 80; i++) addOne(one.kind, 1, i % 2 === 0 ? one.key : `${i}`);
          else if (one.do === "dropTo") expect(queue.dropTo(one.limit)).toBe(model.dropTo(one.limit));
          else if (one.do === "conflate") expect(queue.conflate()).toBe(model.conflate());
          else
            for (let i = 0; i < one.times; i++) {
              const taken = queue.shift();
              const item = taken && { kind: kindOf(taken), hex: toHex(bytesOf(taken)), key: taken.key };
              expect(item).toEqual(model.items.shift());
            }
          expect([queue.size, queue.count]).toEqual([model.size, model.items.length]);
          for (const its of ["a", undefined]) expect(queue.has(its)).toBe(model.has(its));
        }
      }),
      { seed, numRuns: cases(300) },
    );
  });
});
