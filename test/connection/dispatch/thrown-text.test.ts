import { inspect } from "node:util";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { thrownText } from "../../../src/connection/dispatch/thrown-text.ts";

/** Things that applications throw, and things that throw when they are looked at. */
const revoked = Proxy.revocable({}, {});
revoked.revoke();

const unreadable = (): never => {
  throw new Error("unreadable");
};

function withGetter(target: object, name: PropertyKey): object {
  return Object.defineProperty(target, name, { get: unreadable, enumerable: true });
}

const proxy = new Proxy({ a: 1 }, { get: unreadable, ownKeys: unreadable, getPrototypeOf: unreadable });

describe("the text of what was thrown", () => {
  test("is what it is", () => {
    const thrown: [unknown, string][] = [
      [new Error("bad"), "bad"],
      [new TypeError(), "TypeError"],
      [runInNewContext("new Error('elsewhere')"), "elsewhere"],
      ["text", "text"],
      [undefined, "undefined"],
      [null, "null"],
      [5n, "5"],
      [Symbol("s"), "Symbol(s)"],
      [{ code: 5 }, "{ code: 5 }"],
      [{ code: { a: 1 } }, "{ code: [Object] }"],
      [{ toString: () => "described" }, "described"],
      [{ toString: unreadable }, "{ toString: [Function: unreadable] }"],
      [Object.create(null), "[Object: null prototype] {}"],
      [[1, [2]], "[ 1, [Array] ]"],
      [class Member extends Array<number> {}, "[class Member extends Array]"],
      [new Uint8Array(2), "Uint8Array(2) [ 0, 0 ]"],
      [withGetter({ a: 1 }, "x"), "{ a: 1, x: [Getter] }"],
      // Newer versions of Node name a Proxy.
      [proxy, inspect(proxy) === "{ a: 1 }" ? "{ a: 1 }" : "Proxy({ a: 1 })"],
      [revoked.proxy, "<Revoked Proxy>"],
      [Object.assign(new Error("x"), { message: { code: 5 } }), "{ code: 5 }"],
    ];
    expect(thrown.map(([value]) => thrownText(value))).toEqual(thrown.map(([, text]) => text));
  });

  test.each([
    ["message", withGetter(new Error("x"), "message")],
    ["Symbol.toStringTag", withGetter({}, Symbol.toStringTag)],
  ])("is there though %s cannot be read: newer versions of Node show more of it", (_what, value) => {
    expect(thrownText(value)).toMatch(
      /^(Something that cannot be read was thrown \(object\)|\[object Error\].*|\{ Symbol.*)$/,
    );
  });

  test("is short, whatever a peer has put into it", () => {
    const many = Object.fromEntries(Array.from({ length: 101 }, (_, index) => [`k${String(index)}`, "x".repeat(500)]));
    expect(thrownText(many)).toBe("An object with 101 properties");
    for (const value of ["x".repeat(5000), new Error("x".repeat(5000)), Object.entries(many), new Uint8Array(5000)])
      expect(thrownText(value).length).toBeLessThanOrEqual(1001);
  });

  test("has one line for an object with an error inside", () => {
    expect(thrownText({ error: new Error("inner") })).toMatch(/^\{ error: Error: inner at /);
    expect(thrownText({ error: new Error("inner") })).not.toContain("\n");
  });
});
