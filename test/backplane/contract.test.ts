import { expect, expectTypeOf, test } from "vitest";
import type { Driver, Entry, Mark, Page } from "../../src/backplane/contract.ts";
import { NO_ID } from "../../src/backplane/ids.ts";

test("a page begins after a mark, and ends with one", () => {
  const top: Mark = { epoch: "abcdefgh", offset: 0, id: NO_ID };
  const page: Page = { epoch: top.epoch, top, proven: undefined, entries: [] };
  expect(page.top.epoch).toBe(page.epoch);
  expectTypeOf<Page["top"]>().toEqualTypeOf<Mark>();
  expectTypeOf<Entry["before"]>().toEqualTypeOf<Mark["id"] | undefined>();
  expectTypeOf<Awaited<ReturnType<Driver["read"]>>>().toEqualTypeOf<Page>();
});
