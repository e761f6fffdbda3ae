import fc from "fast-check";
import { expect, test } from "vitest";
import { Random } from "../../../fuzz/engine/random.ts";
import {
  type Action,
  OPERATIONS,
  parseProgram,
  programMutators,
  simplerPrograms,
  writeProgram,
} from "../../../fuzz/grammar/program.ts";
import { seed } from "../../support/fuzz.ts";

const settings = Buffer.from([1, 2, 3]);
const actions: readonly Action[] = [
  { operation: "arrive", args: Buffer.from("8880000000008180", "hex") },
  { operation: "turn", args: Buffer.alloc(0) },
  { operation: "behave", args: Buffer.from([1, 2]) },
];

test("a program is read back unchanged", () => {
  const program = writeProgram(settings, actions);
  expect(program.subarray(0, 3)).toEqual(settings);
  expect(parseProgram(program)).toEqual(actions);
});

test("any bytes are a program, and its written form is read as the same program", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const read = parseProgram(Buffer.from(bytes));
      expect(parseProgram(writeProgram(settings, read))).toEqual(read);
    }),
    { seed, numRuns: 1000 },
  );
});

test("arguments of more than 255 bytes are cut", () => {
  const [action] = parseProgram(writeProgram(settings, [{ operation: "arrive", args: Buffer.alloc(300) }]));
  expect(action!.args).toHaveLength(255);
});

test("mutations reach every operation", () => {
  const random = new Random(1);
  const seen = new Set<string>();
  let program = writeProgram(settings, actions);
  for (let i = 0; i < 1000; i++) {
    program = random.pick(programMutators)(program, random, program).subarray(0, 500);
    for (const { operation } of parseProgram(program)) seen.add(operation);
  }
  expect(seen).toEqual(new Set(OPERATIONS));
});

test("simpler programs have an action less, or simpler frames in one", () => {
  const program = writeProgram(settings, actions);
  const simpler = [...simplerPrograms(program)];
  expect(simpler.length).toBeGreaterThan(actions.length);
  expect(simpler.slice(0, 3).map((one) => parseProgram(one).length)).toEqual([2, 2, 2]);
  expect(simpler.every((one) => one.length < program.length)).toBe(true);
});
