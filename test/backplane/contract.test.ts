import { expectTypeOf, test } from "vitest";
import type { Driver, Entry, Mark, Page } from "../../src/backplane/contract.ts";

test("a page begins after a mark, and ends with one", () => {
  expectTypeOf<Page["top"]>().toEqualTypeOf<Mark>();
  expectTypeOf<Entry["before"]>().toEqualTypeOf<Mark["id"] | undefined>();
  expectTypeOf<Awaited<ReturnType<Driver["read"]>>>().toEqualTypeOf<Page>();
});
