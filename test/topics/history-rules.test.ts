import { describe, expect, test } from "vitest";
import { HistoryRules, readHistory } from "../../src/topics/history-rules.ts";

const [small, large, all] = [
  { size: 1, ttl: 10_000 },
  { size: 2, ttl: 20_000 },
  { size: 3, ttl: 30_000 },
];

test("the rule of a topic is that of its name, or of its longest beginning", () => {
  const rules = new HistoryRules({ "chat:*": small, "chat:vip:*": large, "chat:vip:1": all, log: all });
  expect(rules.ruleOf("chat:1")).toBe(small);
  expect(rules.ruleOf("chat:vip:2")).toBe(large);
  expect(rules.ruleOf("chat:vip:1")).toBe(all);
  expect(rules.ruleOf("log")).toBe(all);
  expect(rules.ruleOf("log2")).toBeUndefined();
  expect(rules.ruleOf("chat")).toBeUndefined();
});

test("a star alone is every topic", () => {
  expect(readHistory({ "*": {} })?.ruleOf("anything")).toEqual({ size: 100, ttl: 300_000 });
});

test("names of an object's own members are no rules", () => {
  expect(new HistoryRules({ a: small }).ruleOf("constructor")).toBeUndefined();
});

describe("the option", () => {
  test("all rules have one text, whatever their order", () => {
    const text = '{"a":{"size":100,"ttl":300000},"b*":{"size":5,"ttl":300000}}';
    expect(readHistory({ "b*": { size: 5 }, a: {} })?.text).toBe(text);
    expect(readHistory({ a: { ttl: 300_000, size: 100 }, "b*": { size: 5 } })?.text).toBe(text);
  });

  test.each([undefined, {}])("%o is none", (value) => {
    expect(readHistory(value)).toBeUndefined();
  });

  test.each<[unknown, string]>([
    [7, "history: expected an object like"],
    [["a"], "history: expected an object like"],
    [{ "a\n": {} }, "history: expected a text without control characters"],
    [{ "": {} }, "history: expected 1 to 255 bytes"],
    [{ a: 7 }, 'history: "a": expected an object like'],
    [{ a: { size: 0 } }, 'history: "a": size'],
    [{ a: { size: 10_001 } }, 'history: "a": size'],
    [{ a: { size: 1.5 } }, 'history: "a": size'],
    [{ a: { ttl: 9_999 } }, 'history: "a": ttl'],
    [{ a: { ttl: 2_592_000_001 } }, 'history: "a": ttl'],
    [{ a: { maxAge: 10_000 } }, "did you mean ttl?"],
  ])("%o is refused", (value, text) => {
    expect(() => readHistory(value)).toThrow(text);
  });
});
