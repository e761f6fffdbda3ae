import { describe, expect, test } from "vitest";
import { countLimit, connectionLimitNames, zeroCounters } from "../../../src/connection/counters/limit-counters.ts";
import { type ErrorCode, type ErrorRow, errorTable } from "../../../src/errors/table.ts";
import { readOptions } from "../../../src/server/settings.ts";

function limitOf(code: ErrorCode): string | undefined {
  const limitCounters = zeroCounters(connectionLimitNames);
  countLimit(limitCounters, code);
  return connectionLimitNames.find((name) => limitCounters[name] > 0);
}

const rows = Object.entries(errorTable) as [ErrorCode, ErrorRow][];

describe("the names of the limits", () => {
  test("are unique", () => {
    expect(new Set(connectionLimitNames).size).toBe(connectionLimitNames.length);
  });

  test.each(connectionLimitNames)("are names of options: there is an option %s", (name) => {
    expect(() => readOptions({ [name]: 1 })).not.toThrow();
    expect(() => readOptions({ [name]: "many" })).toThrow(name);
  });
});

describe("a new limitCounters", () => {
  test("counts each limit from 0", () => {
    const limitCounters = zeroCounters(connectionLimitNames);
    expect(Object.keys(limitCounters)).toEqual([...connectionLimitNames]);
    expect(new Set(Object.values(limitCounters))).toEqual(new Set([0]));
  });

  test("belongs to its owner only", () => {
    const limitCounters = zeroCounters(connectionLimitNames);
    limitCounters.maxMessageSize++;
    expect(zeroCounters(connectionLimitNames).maxMessageSize).toBe(0);
    expect(limitCounters.maxMessageSize).toBe(1);
  });
});

describe("the limit that an error is about", () => {
  test.each([
    ["HWS_MESSAGE_TOO_BIG", "maxMessageSize"],
    ["HWS_TOO_MANY_FRAGMENTS", "maxFragments"],
    ["HWS_JSON_TOO_DEEP", "maxJsonDepth"],
    ["HWS_JSON_TOO_BIG", "maxJsonValues"],
  ] as const)("of the error %s is %s", (code, name) => {
    expect(limitOf(code)).toBe(name);
  });

  test("is known for every error with close code 1009, and different for each", () => {
    const codes = rows.filter(([, { closeCode }]) => closeCode === 1009).map(([code]) => code);
    const limits = codes.map((code) => limitOf(code));
    expect(limits).toHaveLength(5);
    expect(new Set(limits).size).toBe(5);
    for (const limit of limits) expect(connectionLimitNames).toContain(limit);
  });

  test.each(rows.filter(([, { closeCode }]) => closeCode !== 1009).map(([code]) => code))(
    "is undefined for %s: it is about no limit, or it is counted elsewhere",
    (code) => {
      expect(limitOf(code)).toBeUndefined();
    },
  );
});
