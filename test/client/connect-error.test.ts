import { expect, test } from "vitest";
import { ConnectError } from "../../src/client/connect-error.ts";

test("it tells the stage, the status and the cause", () => {
  const cause = new Error("ECONNREFUSED");
  const error = new ConnectError("HWS_CONNECT_FAILED", "refused", { stage: "tcp", cause });
  expect(error).toMatchObject({
    name: "ConnectError",
    code: "HWS_CONNECT_FAILED",
    stage: "tcp",
    status: undefined,
    cause,
  });
  expect("cause" in new ConnectError("HWS_REFUSED", undefined, { stage: "http", status: 404 })).toBe(false);
});
