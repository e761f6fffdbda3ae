import { expect, test } from "vitest";
import { ConnectError, prefixed } from "../../src/client/connect-error.ts";

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

test("a text can be put before its detail; the rest stays", () => {
  const about = { stage: "http", status: 404, headers: new Headers(), body: "b", cause: new Error("why") } as const;
  const error = prefixed("ws://a/", new ConnectError("HWS_REFUSED", "404", about));
  expect(error).toMatchObject({ code: "HWS_REFUSED", ...about });
  expect(error.message).toMatch(/^The .*: ws:\/\/a\/: 404$/);
  const bare = prefixed("ws://a/", new ConnectError("HWS_REFUSED", undefined, { stage: "http" }));
  expect(bare.message).toMatch(/^[^:]*: ws:\/\/a\/$/);
  expect("cause" in bare).toBe(false);
});
