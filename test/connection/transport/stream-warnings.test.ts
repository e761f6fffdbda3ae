import { expect, onTestFinished, test, vi } from "vitest";
import { warnOfStream } from "../../../src/connection/transport/stream-warnings.ts";

test("the same fault of all streams is one warning", () => {
  const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
  onTestFinished(() => {
    warn.mockRestore();
  });
  for (let i = 0; i < 3; i++) warnOfStream("A stream does nothing");
  expect(warn).toHaveBeenCalledExactlyOnceWith("A stream does nothing", {
    type: "HawserWarning",
    code: "HWS_STREAM_STUCK",
  });
});
