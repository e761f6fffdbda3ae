import fc from "fast-check";
import { expect, test } from "vitest";
import { type Linked, LinkedList } from "../../src/util/linked-list.ts";
import { cases, seed } from "../support/fuzz.ts";

interface Item extends Linked {
  readonly id: number;
}

function itemsOf(list: LinkedList<Item>): Item[] {
  const items = [];
  for (let item = list.first; item !== undefined; item = item.next as Item | undefined) items.push(item);
  return items;
}

test("an item of another list stays there", () => {
  const [one, other] = [new LinkedList<Item>(), new LinkedList<Item>()];
  const item: Item = { id: 1, list: undefined, previous: undefined, next: undefined };
  one.add(item);
  expect([other.delete(item), one.size, one.first]).toEqual([false, 1, item]);
  expect([one.delete(item), one.delete(item), one.size, one.first]).toEqual([true, false, 0, undefined]);
});

test("it agrees with an array, and keeps nothing of what was removed", () => {
  const step = fc.record({ isAdd: fc.boolean(), id: fc.integer({ min: 0, max: 7 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const items: Item[] = Array.from({ length: 8 }, (_, id) => ({
        id,
        list: undefined,
        previous: undefined,
        next: undefined,
      }));
      const list = new LinkedList<Item>();
      let model: Item[] = [];
      for (const { isAdd, id } of steps) {
        const item = items[id]!;
        const wasThere = model.includes(item);
        model = model.filter((one) => one !== item);
        if (isAdd) {
          list.add(item);
          model.push(item);
        } else expect(list.delete(item)).toBe(wasThere);
        expect(itemsOf(list).map((one) => one.id)).toEqual(model.map((one) => one.id));
        expect([...list]).toEqual(model);
        expect(list.size).toBe(model.length);
      }
      for (const item of items)
        if (!model.includes(item))
          expect([item.list, item.previous, item.next]).toEqual([undefined, undefined, undefined]);
    }),
    { numRuns: cases(300), seed },
  );
});

test("the item that an iteration has given last may be removed", () => {
  const list = new LinkedList<Item>();
  for (let id = 0; id < 4; id++) list.add({ id, list: undefined, previous: undefined, next: undefined });
  const given: number[] = [];
  for (const item of list) {
    given.push(item.id);
    if (item.id !== 2) list.delete(item);
  }
  expect([given, [...list].map(({ id }) => id)]).toEqual([[0, 1, 2, 3], [2]]);
});
