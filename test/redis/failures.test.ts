import { expect, test } from "vitest";
import { HawserError } from "../../src/errors/errors.ts";
import { answerCode, failureOf } from "../../src/redis/failures.ts";

test.each([
  ["OOM command not allowed when used memory > 'maxmemory'.", "OOM"],
  ["NOSCRIPT No matching script.", "NOSCRIPT"],
  ["ERR unknown command", "ERR"],
  ["LOADING", "LOADING"],
  ["ERR Error running script (call to f_0a1b): @user_script:7: @user_script: 7: -READONLY You can't write", "READONLY"],
  ["Connection is closed.", undefined],
  ["connect ECONNREFUSED 127.0.0.1:6379", undefined],
  ["Stream isn't writeable and enableOfflineQueue options is false", undefined],
  ["", undefined],
  ["ECONNRESET", undefined],
  ["ETIMEDOUT 127.0.0.1:6379", undefined],
])("%s", (text, code) => {
  expect(answerCode(new Error(text))).toBe(code);
});

test("an error of Node or of a client is no answer, also if its text begins with its code", () => {
  expect(answerCode(Object.assign(new Error("ENOTFOUND redis.example"), { code: "ENOTFOUND" }))).toBe(undefined);
  const cause = Object.assign(new Error("ETIMEDOUT"), { code: "ETIMEDOUT" });
  const failure = failureOf(cause, "HWS_PUBLISH_UNCERTAIN");
  expect(failure).toMatchObject({ error: { code: "HWS_PUBLISH_UNCERTAIN", cause }, isBroken: true });
});

test("what is no error has no code", () => {
  expect(answerCode("OOM no")).toBe(undefined);
});

test.each([
  ["OOM no", "HWS_BACKPLANE_FAILED", false],
  ["NOPERM no", "HWS_BACKPLANE_FAILED", false],
  ["WRONGTYPE no", "HWS_BACKPLANE_FAILED", false],
  ["READONLY no", "HWS_BACKPLANE_AWAY", true],
  ["MOVED 1 127.0.0.1:7000", "HWS_BACKPLANE_AWAY", true],
  ["CLUSTERDOWN no", "HWS_BACKPLANE_AWAY", true],
  ["Connection is closed.", "HWS_PUBLISH_UNCERTAIN", true],
])("%s becomes %s", (text, code, isBroken) => {
  const cause = new Error(text);
  const failure = failureOf(cause, "HWS_PUBLISH_UNCERTAIN");
  expect(failure).toMatchObject({ error: { code, cause }, isBroken });
});

test("an error of the library stays what it is, and anything else is a lost connection", () => {
  const error = new HawserError("HWS_BACKPLANE_AWAY");
  expect(failureOf(error, "HWS_PUBLISH_UNCERTAIN")).toEqual({ error, isBroken: false });
  expect(failureOf("no", "HWS_BACKPLANE_AWAY")).toMatchObject({
    error: { code: "HWS_BACKPLANE_AWAY" },
    isBroken: true,
  });
});
