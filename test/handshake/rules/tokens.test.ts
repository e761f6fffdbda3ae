import { describe, expect, test } from "vitest";
import { hasToken, isToken, listElements, splitUnquoted } from "../../../src/handshake/rules/tokens.ts";

/** So long that a scanner with backtracking would exceed the test's timeout: 2^40 steps. */
const LONG = 1 << 20;

describe("listElements", () => {
  test.each([
    ["chat", ["chat"]],
    ["chat, superchat", ["chat", "superchat"]],
    ["chat,superchat", ["chat", "superchat"]],
    [" chat \t,\t superchat ", ["chat", "superchat"]],
    ["", []],
    [" \t ", []],
    [",", []],
    [", ,chat,, ,superchat,", ["chat", "superchat"]],
    ["a b", ["a b"]],
    ["chat,chat", ["chat", "chat"]],
  ])("%j holds %j", (value, elements) => {
    expect(listElements(value)).toEqual(elements);
  });

  test("a list of a million empty elements is read in one pass", () => {
    expect(listElements(",".repeat(LONG))).toEqual([]);
  });

  test("white space is read only once (CVE-2021-32640)", () => {
    const spaces = " ".repeat(LONG);
    expect(listElements(`a${spaces}b`)).toEqual([`a${spaces}b`]);
    expect(listElements(`${spaces},${spaces}chat${spaces}`)).toEqual(["chat"]);
  });
});

describe("hasToken", () => {
  test.each([
    ["upgrade", true],
    ["Upgrade", true],
    ["keep-alive, UPGRADE", true],
    ["keep-alive,\tupgrade\t,x", true],
    ["upgraded", false],
    ["up grade", false],
    ["x-upgrade", false],
    ['"upgrade"', false],
    ["upgrade/1", false],
    ["", false],
    [undefined, false],
  ])("of %j is there: upgrade, %s", (value, found) => {
    expect(hasToken(value, "upgrade")).toBe(found);
  });

  test("names of Object.prototype are tokens like others", () => {
    expect(hasToken("constructor", "constructor")).toBe(true);
    expect(hasToken("upgrade", "constructor")).toBe(false);
  });
});

describe("isToken", () => {
  test.each(["chat", "v1.chat", "x", "!#$%&'*+-.^_`|~", "0", "__proto__"])("%j is a token", (text) => {
    expect(isToken(text)).toBe(true);
  });

  test("of the characters up to 255 those of RFC 9110 5.6.2 are in a token and no others", () => {
    const all = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code));
    const letters = "abcdefghijklmnopqrstuvwxyz";
    const allowed = `!#$%&'*+-.^_\`|~0123456789${letters}${letters.toUpperCase()}`;
    expect(all.filter(isToken).sort()).toEqual(allowed.split("").sort());
  });

  test.each(["", "a b", " a", "a\n", "a\r\n", "a,b", "caf\u00e9", "a\u0000"])("%j is none", (text) => {
    expect(isToken(text)).toBe(false);
  });

  test("a long text with a bad end is refused in one pass", () => {
    expect(isToken("a".repeat(LONG))).toBe(true);
    expect(isToken(`${"a".repeat(LONG)} `)).toBe(false);
  });
});

describe("splitUnquoted", () => {
  test.each([
    ["a,b", ["a", "b"]],
    ['a="x,y",b', ['a="x,y"', "b"]],
    ['a="\\",",b', ['a="\\","', "b"]],
    ['a,"b,c', ["a", '"b,c']],
    ["", [""]],
  ])("%j is %j", (text, parts) => {
    expect(splitUnquoted(text, ",")).toEqual(parts);
  });
});
