import { expect, test } from "vitest";
import { Stage } from "../../../src/connection/dispatch/stage.ts";

test("each stage comes after the one before it: nothing is called any more at the end", () => {
  expect(Object.keys(Stage)).toEqual(["delivering", "stopped", "errorReported", "terminated"]);
  expect(Object.values(Stage)).toEqual([0, 1, 2, 3]);
});
