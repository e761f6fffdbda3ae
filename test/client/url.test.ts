import { expect, test } from "vitest";
import { readUrl, shownUrl } from "../../src/client/url.ts";

test.each([
  ["ws://host/path?q", "ws://host/path?q"],
  ["wss://host", "wss://host/"],
  ["http://host:8080/a", "ws://host:8080/a"],
  ["HTTPS://host", "wss://host/"],
  ["http://host:80/", "ws://host/"],
  ["ws+unix:/run/socket:/path", "ws+unix:/run/socket:/path"],
])("%s is %s", (given, expected) => {
  expect(readUrl(given, undefined).href).toBe(expected);
  expect(readUrl(new URL(given), undefined).href).toBe(expected);
});

test("a relative URL belongs to the page", () => {
  expect(readUrl("/chat", "https://page/a/b").href).toBe("wss://page/chat");
  expect(() => readUrl("/chat", undefined)).toThrow("url: expected a URL like");
});

test.each(["ws://host/#a", "ws://host/#", "ftp://host/", "", "ws://", 7, undefined, null])("%s throws", (given) => {
  expect(() => readUrl(given, undefined)).toThrow(/^url: expected/);
});

test("an error does not show the user and the password", () => {
  expect(() => readUrl("ftp://user:secret@host/", undefined)).toThrow(/^(?!.*secret)/);
});

test("a URL is shown without user and password", () => {
  expect(shownUrl(new URL("ws://user:secret@host/a"))).toBe("ws://host/a");
  expect(shownUrl(new URL("ws://host/a"))).toBe("ws://host/a");
});
