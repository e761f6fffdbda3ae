import { expect, test, vi } from "vitest";
import { Advice } from "../../src/server/advice.ts";

test("each text is a warning once for a server", () => {
  const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
  const advice = new Advice();
  for (const text of ["one", "two", "one"]) advice.once("HWS_NO_ANSWER", text);
  new Advice().once("HWS_NO_ANSWER", "one");
  expect(warn.mock.calls.map(([text]) => text)).toEqual(["one", "two", "one"]);
  expect(warn).toHaveBeenLastCalledWith("one", { type: "HawserWarning", code: "HWS_NO_ANSWER" });
  warn.mockRestore();
});
