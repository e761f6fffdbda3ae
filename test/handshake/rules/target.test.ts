import { describe, expect, test } from "vitest";
import { parseTarget } from "../../../src/handshake/rules/target.ts";

describe("parseTarget", () => {
  test.each([
    ["/", "/", ""],
    ["/chat", "/chat", ""],
    ["/chat?", "/chat", ""],
    ["/chat?a=1&b=2", "/chat", "a=1&b=2"],
    ["/chat?a=?b", "/chat", "a=?b"],
    ["/?/x", "/", "/x"],
    ["//evil.example/chat", "//evil.example/chat", ""],
    ["/ch%61t", "/ch%61t", ""],
    // RFC 6455 4.2.1: or an absolute URI.
    ["http://example.com/chat?a=1", "/chat", "a=1"],
    ["HTTPS://example.com/chat", "/chat", ""],
    ["ws://example.com:80", "/", ""],
    ["wss://example.com?a=1", "/", "a=1"],
    ["http://user@example.com/a/b", "/a/b", ""],
  ])("%s is taken apart", (target, path, search) => {
    expect(parseTarget(target)).toEqual({ path, search });
  });

  test.each([
    "",
    "*",
    "chat",
    "?a=1",
    "example.com:443",
    "ftp://example.com/",
    "http:///chat",
    "http:/chat",
    "http://",
  ])("%j is no target", (target) => {
    expect(parseTarget(target)).toBeUndefined();
  });

  // RFC 6455 3: fragments must not be used.
  test.each(["/chat#top", "/chat?a=1#top", "/#", "http://example.com#top", "http://example.com/#"])(
    "%s has a fragment and is refused",
    (target) => {
      expect(parseTarget(target)).toBeUndefined();
    },
  );

  test("a long target is read in one pass", () => {
    const long = "?".repeat(1 << 20);
    expect(parseTarget(`/${long}`)?.search.length).toBe(long.length - 1);
    expect(parseTarget("a".repeat(1 << 20))).toBeUndefined();
    expect(parseTarget(`http://${"a".repeat(1 << 20)}`)?.path).toBe("/");
  });
});
