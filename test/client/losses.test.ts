import { expect, test } from "vitest";
import { ConnectError } from "../../src/client/connect-error.ts";
import * as losses from "../../src/client/losses.ts";
import { verdictOf } from "../../src/client/verdict.ts";
import { HawserError } from "../../src/errors/errors.ts";
import { FakePlatform, answered } from "../support/fake-client-platform.ts";

const platform = new FakePlatform();

test("only what says that the network or the server is gone is not our own failure", () => {
  const lost = ["HWS_STREAM_FAILED", "HWS_STREAM_ENDED", "HWS_PEER_SILENT", "HWS_CLOSE_TIMEOUT"] as const;
  expect(lost.map((code) => losses.isOwnFailure(new HawserError(code)))).toEqual([false, false, false, false]);
  expect(losses.isOwnFailure(undefined)).toBe(false);
  expect(losses.isOwnFailure(new HawserError("HWS_RECEIVE_QUEUE_FULL"))).toBe(true);
  expect(losses.isOwnFailure(new Error("handler"))).toBe(true);
});

test("a dial that failed ends with 1006, its status and its hint", () => {
  const { loss, error } = losses.lossOfDial(answered(503, { "retry-after": "7" }), true);
  expect(loss).toMatchObject({ opened: true, code: 1006, status: 503, stage: "http", error });
  expect(losses.endOfDial(error, platform)).toMatchObject({
    end: { code: 1006, cause: error },
    status: 503,
    hint: 7_000,
  });
});

test.each([
  new Error("why"),
  "why",
  undefined,
  {
    get message(): string {
      throw new Error("getter");
    },
  },
])("whatever a platform rejects with becomes a ConnectError", (cause) => {
  expect(losses.lossOfDial(cause, false).error).toMatchObject({ code: "HWS_CONNECT_FAILED", stage: "tcp" });
});

test("a close frame may carry the hint", () => {
  const end = { code: 1012, reason: "retry-after=3", initiator: "peer", cause: undefined } as const;
  expect(losses.endOfLink(end, undefined)).toEqual({ end, errors: undefined, hint: 3_000 });
  expect(losses.errorsOf({ end, errors: undefined }, platform)).toEqual([]);
});

test("giving up keeps the code, and tells the last failure as the cause", () => {
  const { error } = losses.lossOfDial(answered(503), false);
  const { end, errors } = losses.gaveUp(losses.endOfDial(error, platform), 3, platform);
  expect(end).toMatchObject({ code: 1006, cause: { code: "HWS_GAVE_UP", cause: error } });
  expect(errors?.errors.map(({ cause }) => cause)).toEqual([end.cause, error]);
  expect(end.cause?.message).toMatch(/allows: 3 in a row, the last one: The server refused .*503/);
});

test("the application's end has the code of the last loss, or 1005", () => {
  expect(losses.endOfApplication(undefined, undefined, platform).end).toMatchObject({ code: 1005, initiator: "local" });
  const { loss } = losses.lossOfDial(answered(503), false);
  const error = losses.aborted(AbortSignal.abort("why"));
  expect(error).toMatchObject({ code: "HWS_ABORTED", cause: "why" });
  expect(losses.endOfApplication(loss, error, platform).end).toMatchObject({ code: 1006, cause: error });
});

test.each(["provider", "tls", "handshake"] as const)("a dial that was too slow at the stage %s is retried", (stage) => {
  const cause = new ConnectError("HWS_CONNECT_TIMEOUT", "1 ms", { stage });
  const { loss, error } = losses.lossOfDial(cause, false);
  expect(error.stage).toBe(stage);
  expect(verdictOf(loss, { retryCodes: [], hasProvider: false, wasUnauthorized: false })).toBe("retry");
});
