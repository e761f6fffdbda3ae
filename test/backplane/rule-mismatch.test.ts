import { expect, test } from "vitest";
import { ruleMismatch } from "../../src/backplane/rule-mismatch.ts";

const rules = (size: number): string =>
  JSON.stringify({ "chat:*": { size, ttl: 1_000 }, news: { size: 1, ttl: 1_000 } });

test("the same rules are no mismatch", () => {
  expect([ruleMismatch(rules(5), rules(5)), ruleMismatch("{}", "{}")]).toEqual([undefined, undefined]);
});

test("the error names a topic that differs, and how", () => {
  expect(ruleMismatch(rules(5), rules(6))).toMatchObject({
    code: "HWS_BACKPLANE_MISMATCH",
    errCode: 606,
    message: expect.stringMatching(
      /: "chat:\*" has {"size":5,"ttl":1000} here, and {"size":6,"ttl":1000} there$/,
    ) as string,
  });
  expect(ruleMismatch("{}", rules(6))?.message).toMatch(/"chat:\*" has no history here, and .* there$/);
});

test.each(["", "null", "7", "garbage{"])("what is none of ours, %j, is no rules", (text) => {
  expect([ruleMismatch("{}", text), ruleMismatch(rules(1), text)?.code]).toEqual([undefined, "HWS_BACKPLANE_MISMATCH"]);
});
