import { expect, test } from "vitest";
import { findTaggedTests } from "../../scripts/tagged-tests.ts";

const find = (...lines: string[]) => findTaggedTests("test/a.test.ts", lines.join("\n"));

test("a comment right above a test names what the test shows", () => {
  const { tests, stray } = find("// shows 6455-5.1-3, 4D-2-open", 'test("it masks nothing", () => {});');
  expect(tests).toEqual([
    { file: "test/a.test.ts", name: "it masks nothing", ids: ["6455-5.1-3", "4D-2-open"], skipped: false },
  ]);
  expect(stray).toEqual([]);
});

test("other comments may stand beside it", () => {
  const { tests } = find("// A frame.", "// shows a-1", "// RFC 6455 5.1", "// shows a-2", 'it("works", () => {});');
  expect(tests.map((found) => found.ids)).toEqual([["a-1", "a-2"]]);
});

test("the blocks around a test are part of its name", () => {
  const { tests } = find(
    'describe("a reader", () => {',
    '  describe.each([1])("of %i", () => {',
    '    for (const way of ["whole"]) {',
    "      // shows a-1",
    "      test(`reads ${way}`, async () => {});",
    "    }",
    "  });",
    "});",
  );
  expect(tests.map((found) => found.name)).toEqual(["a reader > of %i > reads ${way}"]);
});

test("tests made by each, by a table and by a helper are found", () => {
  const { tests } = find(
    "// shows a-1",
    'test.each([1, 2])("one %i", () => {});',
    "// shows a-2",
    'test.each`a`("two", () => {});',
    "// shows a-3",
    'threeWays("three", [0x81, 0x00]);',
  );
  expect(tests.map((found) => found.name)).toEqual(["one %i", "two", "three"]);
});

test("a test without such a comment is left alone", () => {
  expect(find('test("plain", () => {});', "// shows how it works", 'test("told", () => {});').tests).toEqual([]);
});

test.each([
  ['test.skip("s", () => {});'],
  ['test.skipIf(true)("s", () => {});'],
  ['test.runIf(false)("s", () => {});'],
  ['test.todo("s");'],
  ['it.fails("s", () => {});'],
  ['test.concurrent.skip("s", () => {});'],
  ['test("s", { skip: true }, () => {});'],
  ['test("s", (context) => { if (!ready) context.skip(); });'],
  ['test("s", ({ skip }) => { skip("not here"); });'],
])("a test that may not run is marked: %s", (line) => {
  expect(find("// shows a-1", line).tests.map((found) => found.skipped)).toEqual([true]);
});

test("a test inside a skipped block is marked", () => {
  const { tests } = find('describe.skip("later", () => {', "  // shows a-1", '  test("s", () => {});', "});");
  expect(tests.map((found) => found.skipped)).toEqual([true]);
});

test("a test that runs is not marked, whatever it calls", () => {
  const { tests } = find("// shows a-1", 'test("s", { timeout: 5 }, () => { reader.skipTo(3); skipped(); });');
  expect(tests.map((found) => found.skipped)).toEqual([false]);
});

test.each([
  ["above a block", ["// shows a-1", 'describe("b", () => {});'], "test/a.test.ts:1"],
  ["above a declaration", ["const a = 1;", "// shows a-1", "const b = 2;"], "test/a.test.ts:2"],
  [
    "at the end of a block",
    ['describe("b", () => {', '  test("s", () => {});', "  // shows a-1", "});"],
    "test/a.test.ts:3",
  ],
  ["at the end of the file", ['test("s", () => {});', "// shows a-1"], "test/a.test.ts:2"],
])("a comment %s is reported as stray", (_where, lines, place) => {
  const { tests, stray } = find(...lines);
  expect(tests).toEqual([]);
  expect(stray).toEqual([place]);
});

test("text that only looks like a comment is none", () => {
  const { tests, stray } = find("const source = `", "// shows a-1", 'test("s", () => {});', "`;");
  expect(tests).toEqual([]);
  expect(stray).toEqual([]);
});
