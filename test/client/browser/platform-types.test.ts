import { expect, test, vi } from "vitest";
import { page, reportUnheard } from "../../../src/client/browser/platform-types.ts";
import { usePage } from "../../support/browser-page.ts";

test("the page is whatever this runs in", () => {
  expect(page).toBe(globalThis);
});

test("an error that nobody gets goes to reportError, or to the console where there is none", () => {
  const { reported } = usePage();
  const logged = vi.spyOn(console, "error").mockImplementation(() => undefined);
  const error = new Error("unheard");
  reportUnheard(error);
  expect([reported, logged.mock.calls]).toEqual([[error], []]);
  vi.stubGlobal("reportError", undefined);
  reportUnheard(error);
  expect(logged.mock.calls).toEqual([[error]]);
  logged.mockRestore();
});
