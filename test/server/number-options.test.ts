import { constants } from "node:buffer";
import { totalmem } from "node:os";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { InvalidArgumentError, OutOfRangeError } from "../../src/errors/errors.ts";
import { numberOptions } from "../../src/server/number-options.ts";
import { readNumber } from "../../src/util/number-range.ts";
import { readOptionTable } from "../../src/server/option-table.ts";

type NumberOptionName = keyof typeof numberOptions;

const KIB = 1024;
const MIB = 1024 * KIB;
/** The longest delay of Node's timers. */
const TIMER = 2 ** 31 - 1;
const { MAX_SAFE_INTEGER } = Number;

/** Each option: its default, the minimum, the maximum, and whether Infinity removes the limit. */
const EXPECTED: Record<NumberOptionName, readonly [usual: number, min: number, max: number, allowsInfinity: boolean]> =
  {
    maxMessageSize: [MIB, 1, constants.MAX_STRING_LENGTH, false],
    maxStreamSize: [1024 * MIB, 1, MAX_SAFE_INTEGER, true],
    maxFragments: [16_384, 1, MAX_SAFE_INTEGER, true],
    maxJsonDepth: [64, 0, MAX_SAFE_INTEGER, true],
    maxJsonValues: [100_000, 1, MAX_SAFE_INTEGER, true],
    handshakeTimeout: [10_000, 1, TIMER, false],
    closeTimeout: [5_000, 1, TIMER, false],
    maxHeaderSize: [16 * KIB, 1, MAX_SAFE_INTEGER, true],
    maxTotalReceiveQueue: [numberOptions.maxTotalReceiveQueue.default, 1, MAX_SAFE_INTEGER, true],
    maxSendQueue: [16 * MIB, 1, MAX_SAFE_INTEGER, true],
    maxTotalSendQueue: [numberOptions.maxTotalSendQueue.default, 1, MAX_SAFE_INTEGER, true],
    highWaterMark: [MIB, 0, MAX_SAFE_INTEGER, true],
    pingInterval: [25_000, 1, TIMER, true],
    pingTimeout: [20_000, 1, TIMER, true],
    idleTimeout: [Infinity, 1, TIMER, true],
    maxLifetime: [Infinity, 1, TIMER, true],
    maxConnections: [100_000, 1, MAX_SAFE_INTEGER, true],
    maxConnectionsPerAddress: [20_000, 1, MAX_SAFE_INTEGER, true],
    maxHandshakes: [2_000, 1, MAX_SAFE_INTEGER, true],
    maxHandshakesPerSecond: [Infinity, 1, MAX_SAFE_INTEGER, true],
    maxMessagesPerSecond: [Infinity, 1, MAX_SAFE_INTEGER, true],
    maxBytesPerSecond: [Infinity, 1, MAX_SAFE_INTEGER, true],
    maxTopicsPerConnection: [1_000, 1, MAX_SAFE_INTEGER, true],
    maxHistoryMemory: [64 * MIB, 1, MAX_SAFE_INTEGER, true],
    maxBackplaneQueue: [16 * MIB, 1, MAX_SAFE_INTEGER, true],
    publishTimeout: [5_000, 1, TIMER, false],
    closeBatchSize: [1_000, 1, MAX_SAFE_INTEGER, true],
  };

const options = (Object.keys(EXPECTED) as NumberOptionName[]).map((name) => [name, ...EXPECTED[name]] as const);

/** One option. All others have their defaults. */
function read(name: NumberOptionName, value: unknown): number {
  return readOptionTable({ [name]: value })[name];
}

test("every number among the options is in the table", () => {
  expect(Object.keys(numberOptions).sort()).toEqual(Object.keys(EXPECTED).sort());
  expect(Object.keys(readOptionTable({}))).toEqual(expect.arrayContaining(Object.keys(EXPECTED)));
});

describe.each(options)("%s", (name, usual, least, most, endless) => {
  test(`is ${String(usual)} where it is not given`, () => {
    expect(read(name, undefined)).toBe(usual);
    expect(readOptionTable({})[name]).toBe(usual);
  });

  test(`may be ${String(least)} to ${String(most)}`, () => {
    for (const value of [least, least + 1, most - 1, most]) expect(read(name, value)).toBe(value);
  });

  test("is out of range outside of that, and where it is no integer", () => {
    for (const value of [least - 1, most + 1, -1, least + 0.5, NaN, -Infinity]) {
      expect(() => read(name, value), String(value)).toThrow(OutOfRangeError);
      const range = `${name}: expected an integer from ${String(least)} to ${String(most)}`;
      expect(() => read(name, value)).toThrow(`${range}${endless ? ", or Infinity" : ""}, got ${String(value)}`);
    }
  });

  test(endless ? "may be Infinity" : "must be finite", () => {
    if (endless) expect(read(name, Infinity)).toBe(Infinity);
    else expect(() => read(name, Infinity)).toThrow(OutOfRangeError);
  });

  test("is refused when it is of another type", () => {
    for (const [value, type] of [
      ["1", "string"],
      [null, "object"],
      [{}, "object"],
      [[1], "object"],
      [true, "boolean"],
      [5n, "bigint"],
      [() => 1, "function"],
    ] as const) {
      expect(() => read(name, value)).toThrow(InvalidArgumentError);
      expect(() => read(name, value)).toThrow(`${name}: expected a number, got ${type}`);
    }
  });
});

test("one option does not change the others", () => {
  expect(readOptionTable({ maxConnections: 5 })).toEqual({ ...readOptionTable({}), maxConnections: 5 });
});

test("a given range is checked, and named", () => {
  const range = { min: 2, default: 3, max: 4, allowsInfinity: false };
  expect(readNumber("mine", undefined, range)).toBe(3);
  expect(readNumber("mine", 2, range)).toBe(2);
  expect(readNumber("mine", 4, range)).toBe(4);
  expect(() => readNumber("mine", 5, range)).toThrow("mine: expected an integer from 2 to 4, got 5");
  expect(() => readNumber("mine", Infinity, range)).toThrow(OutOfRangeError);
  expect(() => readNumber("mine", "3", range)).toThrow("mine: expected a number, got string");
});

describe("the memory for all send queues", () => {
  const machine = Math.max(64 * MIB, Math.floor(totalmem() / 4));

  test.each([
    ["a quarter of the limit of the process", 1024 * MIB, 256 * MIB],
    ["64 MiB where that would be less", 100 * MIB, 64 * MIB],
    ["a quarter of the machine's memory without a limit", 0, machine],
    ["the same when the system does not report a limit", undefined as unknown as number, machine],
    ["the same when it reports a huge number", 2 ** 64, machine],
  ])("is %s", async (_what, constrained, expected) => {
    vi.resetModules();
    const allowed = vi.spyOn(process, "constrainedMemory").mockReturnValue(constrained);
    onTestFinished(() => allowed.mockRestore());
    const module = await import("../../src/server/number-options.ts");
    expect(module.numberOptions.maxTotalSendQueue.default).toBe(expected);
  });
});
