import { expect, test } from "vitest";
import { amount } from "../../src/util/number-range.ts";
import { oneOf, readTable } from "../../src/util/option-table.ts";

const table = { size: amount(5), color: oneOf(["red", "blue"], "red") };

test("defaults are filled in, and given values are checked", () => {
  expect(readTable(table, {})).toEqual({ size: 5, color: "red" });
  expect(readTable(table, { size: 7, color: "blue" })).toEqual({ size: 7, color: "blue" });
  expect(() => readTable(table, { color: "green" }, {}, "paint: ")).toThrow(
    'paint: color: expected one of "red", "blue"',
  );
  expect(() => readTable(table, { size: "7" }, {}, "paint: ")).toThrow("paint: size: expected a number");
});

test("a name that does not exist throws, with the name that is meant", () => {
  expect(() => readTable(table, { siez: 1 })).toThrow('there is no option "siez": did you mean size?');
  expect(() => readTable(table, { paint: 1 }, { paint: "color" })).toThrow("did you mean color?");
  for (const name of ["toString", "constructor"])
    expect(() => readTable(table, { [name]: 1 })).toThrow(`there is no option "${name}"`);
});
