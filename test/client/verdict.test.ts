import { expect, test } from "vitest";
import { ConnectError } from "../../src/client/connect-error.ts";
import { type Loss, type VerdictContext, verdictOf } from "../../src/client/verdict.ts";

const context: VerdictContext = { retryCodes: [], hasProvider: false, wasUnauthorized: false };

/** The verdicts for the first dial, and after an open. */
function both(loss: Partial<Loss>, changed: Partial<VerdictContext> = {}): string {
  const base = { code: 1006, reason: undefined, status: undefined, stage: undefined, error: undefined, ...loss };
  return [false, true].map((opened) => verdictOf({ ...base, opened }, { ...context, ...changed })).join(", ");
}

test.each([
  ["provider", "retry, retry"],
  ["dns", "retry, retry"],
  ["tcp", "retry, retry"],
  ["proxy", "retry, retry"],
  ["tls", "final, retry"],
  ["http", "final, retry"],
  ["handshake", "final, retry"],
] as const)("a dial that failed at the stage %s: %s", (stage, expected) => {
  expect(both({ stage })).toBe(expected);
});

test.each([
  ...[408, 425, 429, 500, 502, 503, 504].map((status) => [status, "retry, retry"] as const),
  ...[404, 405, 501, 200, 204, 301, 302, 307].map((status) => [status, "final, retry"] as const),
  ...[400, 401, 403, 410, 426, 505].map((status) => [status, "final, final"] as const),
])("HTTP %i: %s", (status, expected) => {
  expect(both({ stage: "http", status })).toBe(expected);
});

test("a 401 is dialed once more at once, if something can be asked again", () => {
  expect(both({ stage: "http", status: 401 }, { hasProvider: true })).toBe("now, now");
  expect(both({ stage: "http", status: 401 }, { hasProvider: true, wasUnauthorized: true })).toBe("final, final");
  expect(both({ stage: "http", status: 403 }, { hasProvider: true })).toBe("final, final");
});

test.each([
  [407, "final, final"],
  [403, "final, final"],
  [502, "retry, retry"],
])("a proxy's %i: %s", (status, expected) => {
  expect(both({ stage: "proxy", status })).toBe(expected);
});

test.each([
  ...[1001, 1006, 1011, 1012, 1013, 1014, 3008].map((code) => [code, "retry"] as const),
  ...[1000, 1005, 1002, 1003, 1007, 1008, 1009, 1010].map((code) => [code, "final"] as const),
  ...[3000, 3003, 3999, 4000, 4009, 4999].map((code) => [code, "final"] as const),
])("the close code %i: %s", (code, expected) => {
  expect(both({ code })).toBe(`${expected}, ${expected}`);
});

test("retryCodes adds codes and ranges with their ends", () => {
  const retryCodes = [4009, [4100, 4199]] as const;
  const verdicts = [4008, 4009, 4010, 4099, 4100, 4199, 4200].map((code) => both({ code }, { retryCodes }).slice(0, 5));
  expect(verdicts).toEqual(["final", "retry", "final", "final", "retry", "retry", "final"]);
});

test("a dial that was too slow is retried, wherever it was", () => {
  const error = new ConnectError("HWS_CONNECT_TIMEOUT", undefined, { stage: "tls" });
  expect(both({ stage: "tls", error })).toBe("retry, retry");
});
