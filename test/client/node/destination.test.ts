import { InvalidArgumentError } from "hawser/client";
import { expect, test } from "vitest";
import { destinationOf } from "../../../src/client/node/destination.ts";

const direct = { socketPath: undefined, createConnection: undefined, proxy: undefined, http2: false };

test("a URL with a host: path and query are the target, and socketPath is the option's", () => {
  expect(destinationOf(new URL("ws://a/b?c"), direct)).toEqual({
    socketPath: undefined,
    target: "/b?c",
    isSecure: false,
  });
  expect(destinationOf(new URL("wss://a"), { ...direct, socketPath: "/s" })).toEqual({
    socketPath: "/s",
    target: "/",
    isSecure: true,
  });
});

test.each([
  ["ws+unix:/run/my app.sock", "/run/my app.sock", "/"],
  ["ws+unix:/run/my%20app.sock:/a%20b?c:d", "/run/my app.sock", "/a%20b?c:d"],
  ["ws+unix:///run/s:/x", "/run/s", "/x"],
  ["ws+unix:/run/stra\u00dfe \u4e16", "/run/stra\u00dfe \u4e16", "/"],
  ["ws+unix:/run/%3A%3F%23%25%22%3C%5E%60%7B|", '/run/:?#%"<^`{|', "/"],
  ['ws+unix:/run/"<^`{}\\', '/run/"<^`{}\\', "/"],
])("%s leads to %s", (url, socketPath, target) => {
  expect(destinationOf(new URL(url), direct)).toEqual({ socketPath, target, isSecure: false });
});

test.each(["ws+unix:run/s", "ws+unix:", "ws+unix::/a", "ws+unix://run/s", "wss+unix:s:/a"])(
  "%s has no absolute path, and is refused",
  (url) => {
    const protocol = new URL(url).protocol;
    expect(() => destinationOf(new URL(url), direct)).toThrow(InvalidArgumentError);
    expect(() => destinationOf(new URL(url), direct)).toThrow(`an absolute path, like ${protocol}/run/socket`);
  },
);

test.each([
  ["socketPath", { socketPath: "/a" }],
  ["createConnection", { createConnection: () => undefined as never }],
  ["proxy", { proxy: () => null }],
  ["proxy", { proxy: new URL("http://a") }],
  ["http2", { http2: () => undefined as never }],
])("a URL of ws+unix: and the option %s are two ways", (name, option) => {
  expect(() => destinationOf(new URL("ws+unix:/s"), { ...direct, ...option })).toThrow(
    `${name}: not together with a URL of ws+unix:`,
  );
  expect(destinationOf(new URL("ws+unix:/s"), { ...direct, proxy: null }).socketPath).toBe("/s");
});
