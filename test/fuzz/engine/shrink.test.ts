import { expect, test } from "vitest";
import { shrink } from "../../../fuzz/engine/shrink.ts";

test("removes what is not needed", async () => {
  const input = Buffer.from("....................b.........................a....");
  const smallest = await shrink(input, (one) => one.includes("a") && one.includes("b"), { tries: 1000 });
  expect(smallest.toString()).toBe("ba");
});

test("tries whole parts first, as long as one of them can go", async () => {
  const tried: string[] = [];
  const parts = (input: Buffer): Buffer[] => {
    const words = input.toString().split(" ");
    return words.map((_, i) => Buffer.from(words.filter((_, k) => k !== i).join(" ")));
  };
  const check = (one: Buffer): boolean => {
    tried.push(one.toString());
    return one.toString().split(" ").includes("keep");
  };
  await shrink(Buffer.from("one keep two"), check, { tries: 100, simpler: parts });
  expect(tried.slice(0, 3)).toEqual(["keep two", "two", "keep"]);
});

test("stops after the given number of tries", async () => {
  let tries = 0;
  const input = Buffer.alloc(1000);
  await shrink(input, () => ++tries === 0, { tries: 10 });
  expect(tries).toBe(10);
});

test("does not change what cannot be smaller", async () => {
  const input = Buffer.from("abc");
  expect(await shrink(input, () => false, { tries: 100 })).toBe(input);
});
