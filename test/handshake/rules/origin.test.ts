import { describe, expect, test } from "vitest";
import { InvalidArgumentError } from "../../../src/errors/errors.ts";
import {
  exactOrigin,
  isSameOrigin,
  mayConnectFrom,
  originRule,
  type Origins,
} from "../../../src/handshake/rules/origin.ts";
import type { ConnectionRequest, RelayedRequest, Values } from "../../../src/handshake/request.ts";
import { connectionRequest } from "../../support/connection-request.ts";

function requestTo(host: string | undefined): ConnectionRequest {
  return connectionRequest({ headers: host === undefined ? {} : { host } });
}

/** Whether `origins` lets a page of `origin` connect to `host`. */
function allows(origins: Origins | undefined, origin: string, host = "example.com"): boolean {
  return originRule(origins)(origin, requestTo(host));
}

/** Values that are never an origin, for any host. */
const NO_ORIGINS = [
  "",
  "null",
  "example.com",
  "//example.com",
  "https:example.com",
  "https:/example.com",
  "https:///example.com",
  "https:\\\\example.com",
  "https://example.com/",
  "https://example.com/path",
  "https://example.com?",
  "https://example.com?x=1",
  "https://example.com#",
  "https://example.com#x",
  "https://@example.com",
  "https://:@example.com",
  "https://user@example.com",
  "https://:password@example.com",
  "https://evil.example@example.com",
  "https://example.com\\",
  " https://example.com",
  "https://example.com ",
  "https://exam\tple.com",
  "https://example.com:",
  "https://example.com:x",
  "https://example.com:99999",
  "https://exa mple.com",
  // Two Origin headers.
  "https://example.com, https://example.com",
  "https://evil.example, https://example.com",
  "https://example.com https://example.com",
  "file://",
  "data:text/html,x",
  "about:blank",
  "javascript:alert(1)",
];

describe("the same origin", () => {
  test.each([
    ["https://example.com", "example.com"],
    ["http://example.com", "example.com"],
    ["https://example.com", "EXAMPLE.com"],
    ["HTTPS://EXAMPLE.COM", "example.com"],
    ["https://example.com:8443", "example.com:8443"],
    // The default port of a scheme may be written or not.
    ["https://example.com:443", "example.com"],
    ["https://example.com", "example.com:443"],
    ["http://example.com", "example.com:80"],
    ["http://example.com:80", "example.com"],
    ["http://127.0.0.1:8080", "127.0.0.1:8080"],
    ["http://localhost:3000", "localhost:3000"],
    ["http://[::1]:8080", "[::1]:8080"],
    ["http://[2001:DB8::1]", "[2001:db8:0::1]"],
    ["http://[::1]", "[::1]:80"],
  ])("%s is the one of %s", (origin, host) => {
    expect(isSameOrigin(origin, requestTo(host))).toBe(true);
    expect(allows(undefined, origin, host)).toBe(true);
    expect(allows("same", origin, host)).toBe(true);
    expect(allows(["same"], origin, host)).toBe(true);
  });

  test.each([
    ["https://evil.example", "example.com"],
    ["https://www.example.com", "example.com"],
    ["https://example.com", "www.example.com"],
    ["https://evil-example.com", "example.com"],
    ["https://example.com.evil.example", "example.com"],
    ["https://example.com.", "example.com"],
    ["https://example.com:8443", "example.com"],
    ["https://example.com", "example.com:8443"],
    ["https://example.com:80", "example.com"],
    ["http://example.com", "example.com:443"],
    ["http://[::1]:8080", "[::1]:8081"],
    ["http://[::1]", "[::2]"],
    ["http://127.0.0.1", "localhost"],
    // What is in a Host header must be a host.
    ["https://example.com", "user@example.com"],
    ["https://example.com", "example.com/"],
    ["https://example.com", "example.com?"],
    ["https://example.com", "evil.example, example.com"],
    ["https://example.com", ""],
    ["https://evil.example", "evil.example#example.com"],
  ])("%s is not the one of %s", (origin, host) => {
    expect(isSameOrigin(origin, requestTo(host))).toBe(false);
  });

  test.each(NO_ORIGINS)("%j is no origin", (origin) => {
    expect(isSameOrigin(origin, requestTo("example.com"))).toBe(false);
  });

  test("without one Host no origin is the same", () => {
    expect(isSameOrigin("https://example.com", requestTo(undefined))).toBe(false);
  });
});

describe("the same origin, with a trusted proxy in front", () => {
  /** Whether a page may connect through a proxy that adds these headers. Its own `Host` is that of the upstream. */
  function same(origin: string, headers: Values, isFromTrustedProxy = true): boolean {
    const all: Values = { host: "internal:8080", ...headers };
    const request: RelayedRequest = { ...requestTo(undefined), headers: all, isFromTrustedProxy };
    expect(originRule("same")(origin, request)).toBe(isSameOrigin(origin, request));
    return isSameOrigin(origin, request);
  }

  test.each([
    ["https://app.example.com", { "x-forwarded-host": "app.example.com" }],
    ["https://app.example.com", { "x-forwarded-host": "APP.example.com:443" }],
    ["https://app.example.com:8443", { "x-forwarded-host": "app.example.com:8443" }],
    ["https://app.example.com:8443", { "x-forwarded-host": "app.example.com", "x-forwarded-port": "8443" }],
    ["https://app.example.com", { "x-forwarded-host": "app.example.com", "x-forwarded-port": "443" }],
    ["http://app.example.com", { "x-forwarded-host": "app.example.com", "x-forwarded-port": "80" }],
    // The port that the browser wrote comes before that of the proxy: ports may be translated in between.
    ["https://app.example.com:8443", { "x-forwarded-host": "app.example.com:8443", "x-forwarded-port": "443" }],
    ["https://[2001:db8::1]:8443", { "x-forwarded-host": "[2001:db8::1]", "x-forwarded-port": "8443" }],
    ["https://app.example.com", { "x-forwarded-host": "app.example.com", "x-forwarded-proto": "https" }],
    ["https://app.example.com", { "x-forwarded-host": "app.example.com", "x-forwarded-proto": "WSS" }],
    ["http://app.example.com", { "x-forwarded-host": "app.example.com", "x-forwarded-proto": "ws" }],
    ["https://app.example.com", { forwarded: "for=192.0.2.7;host=app.example.com;proto=https" }],
    ["https://app.example.com:8443", { forwarded: 'host="app.example.com:8443"' }],
    ["https://app.example.com", { forwarded: "host=evil.example, host=app.example.com" }],
    ["https://app.example.com", { "x-forwarded-host": "evil.example, app.example.com" }],
    ["https://app.example.com", { "x-forwarded-host": ["evil.example", "app.example.com"] }],
    ["https://app.example.com", { "x-forwarded-host": "app.example.com", forwarded: "host=app.example.com" }],
    ["https://app.example.com", { "x-forwarded-host": "app.example.com", forwarded: "for=192.0.2.7" }],
    // The proxy has kept the Host.
    ["https://app.example.com", { host: "app.example.com" }],
    ["https://app.example.com:8443", { host: "app.example.com", "x-forwarded-port": "8443" }],
    ["https://app.example.com", { host: "app.example.com", "x-forwarded-proto": "https" }],
  ] as [string, Values][])("%s may connect with %j", (origin, headers) => {
    expect(same(origin, headers)).toBe(true);
  });

  test.each([
    // The host of the upstream is not that of the page.
    ["http://internal:8080", { "x-forwarded-host": "app.example.com" }],
    ["https://app.example.com", {}],
    ["https://evil.example", { "x-forwarded-host": "app.example.com" }],
    ["https://app.example.com:8443", { "x-forwarded-host": "app.example.com" }],
    ["https://app.example.com", { "x-forwarded-host": "app.example.com:8443" }],
    ["https://app.example.com", { "x-forwarded-host": "app.example.com", "x-forwarded-port": "8443" }],
    ["https://app.example.com:8443", { "x-forwarded-host": "app.example.com:443", "x-forwarded-port": "8443" }],
    ["http://app.example.com", { "x-forwarded-host": "app.example.com", "x-forwarded-proto": "https" }],
    ["https://app.example.com", { "x-forwarded-host": "app.example.com", "x-forwarded-proto": "http" }],
    ["http://app.example.com", { host: "app.example.com", "x-forwarded-proto": "https" }],
    ["https://app.example.com", { "x-forwarded-host": "app.example.com", "x-forwarded-proto": "" }],
    ["https://app.example.com", { "x-forwarded-host": "app.example.com", "x-forwarded-proto": "wsshttps" }],
    ["https://app.example.com", { "x-forwarded-host": "app.example.com", "x-forwarded-port": "" }],
    ["https://app.example.com", { "x-forwarded-host": "app.example.com", "x-forwarded-port": "443@evil" }],
    ["https://app.example.com", { "x-forwarded-host": "app.example.com", forwarded: "proto=http" }],
    // What a client has written before the proxy, or in the header that the proxy does not set.
    ["https://evil.example", { "x-forwarded-host": "evil.example, app.example.com" }],
    ["https://evil.example", { "x-forwarded-host": ["evil.example", "app.example.com"] }],
    ["https://evil.example", { "x-forwarded-host": "evil.example," }],
    ["https://evil.example", { forwarded: "host=evil.example, host=app.example.com" }],
    ["https://evil.example", { forwarded: 'host=evil.example;for=", host=app.example.com' }],
    ["https://evil.example", { "x-forwarded-host": "app.example.com", forwarded: "host=evil.example" }],
    ["https://evil.example", { "x-forwarded-host": "evil.example", forwarded: "host=app.example.com" }],
    ["https://evil.example", { "x-forwarded-host": "evil.example#app.example.com" }],
    ["https://evil.example", { "x-forwarded-host": "evil.example/app.example.com" }],
    ["https://evil.example", { "x-forwarded-host": "app.example.com@evil.example" }],
  ] as [string, Values][])("%s may not connect with %j", (origin, headers) => {
    expect(same(origin, headers)).toBe(false);
  });

  test.each([
    { "x-forwarded-host": "app.example.com" },
    { forwarded: "host=app.example.com" },
    { "x-forwarded-host": "app.example.com", "x-forwarded-port": "443", "x-forwarded-proto": "https" },
  ])("%j is ignored from a peer that is not trusted", (headers) => {
    expect(same("https://app.example.com", headers, false)).toBe(false);
    expect(same("http://internal:8080", headers, false)).toBe(true);
  });

  test("a list with the same origin in it does so too", () => {
    const headers = { host: "internal", "x-forwarded-host": "app.example.com" };
    const request: RelayedRequest = { ...requestTo(undefined), headers, isFromTrustedProxy: true };
    expect(originRule(["same", "https://other.example"])("https://app.example.com", request)).toBe(true);
    expect(originRule(["https://app.example.com"])("https://internal", request)).toBe(false);
  });
});

describe("a list of origins", () => {
  test("an origin is one of them or none", () => {
    const origins = ["https://example.com", "http://localhost:3000", "https://[::1]:8443"];
    for (const origin of [...origins, "HTTPS://Example.COM:443", "https://[0::1]:8443"]) {
      expect(allows(origins, origin, "api.example.net")).toBe(true);
    }
    for (const origin of [
      "http://example.com",
      "https://example.com:8443",
      "https://www.example.com",
      "https://evil-example.com",
      "https://example.com.evil.example",
      "https://localhost:3000",
      "http://localhost",
      "https://[::1]",
    ]) {
      expect(allows(origins, origin, "api.example.net")).toBe(false);
    }
  });

  test("this host's own pages are not in it unless it says so", () => {
    expect(allows(["https://example.com"], "https://api.example.net", "api.example.net")).toBe(false);
    expect(allows(["https://example.com", "same"], "https://api.example.net", "api.example.net")).toBe(true);
    expect(allows(["https://example.com", "same"], "https://example.com", "api.example.net")).toBe(true);
    expect(allows(["https://example.com", "same"], "https://evil.example", "api.example.net")).toBe(false);
  });

  test("an empty list accepts no page", () => {
    expect(allows([], "https://example.com")).toBe(false);
  });

  test.each(NO_ORIGINS)("%j is none of a list", (origin) => {
    expect(allows(["https://example.com", "https://*.example.com"], origin)).toBe(false);
  });

  test("null is accepted only by name", () => {
    expect(allows(["null"], "null")).toBe(true);
    expect(allows(["null"], "NULL")).toBe(false);
    expect(allows(["null"], "https://example.com")).toBe(false);
    expect(allows(["https://example.com"], "null")).toBe(false);
    // Browsers send null for every opaque origin, but a custom scheme has an origin.
    expect(allows(["null"], "chrome-extension://abc")).toBe(false);
  });

  test("custom schemes are compared by scheme and host", () => {
    expect(allows(["chrome-extension://abc"], "chrome-extension://abc")).toBe(true);
    expect(allows(["chrome-extension://abc"], "chrome-extension://evil")).toBe(false);
    expect(allows(["chrome-extension://abc"], "moz-extension://abc")).toBe(false);
    expect(allows(["chrome-extension://abc"], "null")).toBe(false);
    expect(allows(["capacitor://localhost"], "http://localhost")).toBe(false);
  });

  test("a star stands for all pages", () => {
    for (const origins of [["*"], ["https://example.com", "*"]] as Origins[]) {
      for (const origin of ["https://evil.example", "null", "anything"]) expect(allows(origins, origin)).toBe(true);
    }
  });

  test("a later change of the list has no effect", () => {
    const origins = ["https://example.com"];
    const rule = originRule(origins);
    origins.push("*");
    expect(rule("https://evil.example", requestTo("x"))).toBe(false);
  });
});

describe("any subdomain", () => {
  test.each([
    "https://a.example.com",
    "https://a.b.example.com",
    "https://A.EXAMPLE.COM",
    "https://a.example.com:443",
    "https://xn--caf-dma.example.com",
  ])("%s is one of https://*.example.com", (origin) => {
    expect(allows(["https://*.example.com"], origin)).toBe(true);
  });

  test.each([
    "https://example.com",
    "https://evil-example.com",
    "https://evilexample.com",
    "https://a.evil-example.com",
    "https://example.com.evil.com",
    "https://a.example.com.evil.com",
    "https://a.example.com@evil.com",
    "https://evil.com@a.example.com",
    "https://evil.com/.example.com",
    "https://evil.com#.example.com",
    "https://evil.com?.example.com",
    "https://evil.com\\.example.com",
    "https://a.example.com.",
    "https://a.example.com:8443",
    "http://a.example.com",
    "wss://a.example.com",
    "https://a.example.com, https://evil.com",
    "https://evil.com, https://a.example.com",
    "null",
  ])("%s is none of https://*.example.com", (origin) => {
    expect(allows(["https://*.example.com"], origin)).toBe(false);
  });

  test("a port in the pattern is the one that must be there", () => {
    expect(allows(["https://*.example.com:8443"], "https://a.example.com:8443")).toBe(true);
    expect(allows(["https://*.example.com:8443"], "https://a.example.com")).toBe(false);
    expect(allows(["https://*.example.com:443"], "https://a.example.com")).toBe(true);
  });
});

describe("a function of the user's", () => {
  test("it gets the origin as it came and the request, and decides", () => {
    const seen: unknown[] = [];
    const request = requestTo("example.com");
    const rule = originRule((origin: string, asked: ConnectionRequest) => {
      seen.push(origin, asked);
      return origin === "null";
    });
    expect(rule("null", request)).toBe(true);
    expect(rule("https://a, https://b", request)).toBe(false);
    expect(seen).toEqual(["null", request, "https://a, https://b", request]);
  });

  test("only true accepts a page", () => {
    for (const answer of [Promise.resolve(false), Promise.resolve(true), 1, "yes", {}, undefined, null]) {
      expect(originRule(() => answer)("https://example.com", requestTo("example.com"))).toBe(false);
    }
  });
});

describe("the value that allows one page", () => {
  test.each([
    ["https://example.com", "https://example.com"],
    ["https://example.com/", "https://example.com"],
    ["http://localhost:5173", "http://localhost:5173"],
    ["chrome-extension://abc", "chrome-extension://abc"],
    ["file://", "file://"],
  ])("of the origin %s is %s", (header, value) => {
    expect(exactOrigin(header)).toBe(value);
    expect(mayConnectFrom(header, requestTo("example.com"), originRule([value]))).toBe(true);
  });

  test.each([
    "*",
    "same",
    "https://*.example.com",
    "http://localhost:*",
    "app://*",
    "",
    "nonsense",
    "https://a, https://b",
  ])("of the origin %j does not exist: it would allow others, or is none", (header) => {
    expect(exactOrigin(header)).toBeUndefined();
  });
});

describe("an invalid option", () => {
  test.each([
    ["*", 'origins: expected "same", or a list: ["*"] allows every page'],
    ["https://example.com", 'origins: expected "same", or a list: ["https://example.com"]'],
    ["null", 'origins: expected "same", or a list: ["null"]'],
  ])("the text %s alone is refused, and the error names the list", (origins, message) => {
    expect(() => originRule(origins)).toThrow(InvalidArgumentError);
    expect(() => originRule(origins)).toThrow(message);
  });

  test.each([
    ["null", null],
    ["true", true],
    ["a number", 5],
    ["an object", {}],
    ["a single origin", "https://example.com"],
    ["a star alone", "*"],
    ["an empty text", ""],
    ["a list with a number", [5]],
    ["a list in a list", [["https://example.com"]]],
    ["a list with a hole", [undefined]],
    ["a host", ["example.com"]],
    ["a host and port", ["localhost:3000"]],
    ["a path", ["https://example.com/chat"]],
    ["a slash at the end", ["https://example.com/"]],
    ["a user", ["https://user@example.com"]],
    ["a star as a scheme", ["*://example.com"]],
    ["a star as a scheme of subdomains", ["*://*.example.com"]],
    ["a star in the middle", ["https://a.*.example.com"]],
    ["a star in a label", ["https://*example.com"]],
    ["two stars", ["https://*.*.example.com"]],
    ["a star for every host", ["https://*"]],
    ["a star before nothing", ["https://*."]],
    ["a pattern with a path", ["https://*.example.com/"]],
    ["an empty text in a list", [""]],
  ])("%s is refused and the error names it", (_what, origins) => {
    const call = (): unknown => originRule(origins);
    expect(call).toThrow(InvalidArgumentError);
    expect(call).toThrow(/^origins: expected /);
  });
});

test("a long origin is read in one pass", () => {
  const long = "a".repeat(1 << 20);
  for (const origin of [
    long,
    `https://${long}`,
    `${long}://x`,
    `https://${"@".repeat(1 << 20)}`,
    ":".repeat(1 << 20),
  ]) {
    expect(allows(["https://example.com", "https://*.example.com", "same"], origin)).toBe(false);
  }
});

test("a function that returns a promise allows nothing: its rejection is caught, and one warning names onConnection", async () => {
  // Warnings of the tests before are emitted first.
  await new Promise((resolve) => setTimeout(resolve, 0));
  const warnings: Error[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning);
  const rejections: unknown[] = [];
  const onRejection = (reason: unknown): void => void rejections.push(reason);
  process.on("warning", onWarning).on("unhandledRejection", onRejection);
  const thenable = {
    get then(): never {
      throw new Error("unreadable");
    },
  };
  for (const result of [Promise.reject(new Error("mine")), Promise.resolve(true)]) {
    const rule = originRule(() => result);
    for (let i = 0; i < 3; i++) expect(rule("https://example.com", requestTo("example.com"))).toBe(false);
  }
  expect(() => originRule(() => thenable)("https://example.com", requestTo("example.com"))).toThrow("unreadable");
  await new Promise((resolve) => setTimeout(resolve, 10));
  process.off("warning", onWarning).off("unhandledRejection", onRejection);
  expect(rejections).toEqual([]);
  expect(warnings.map(({ name, message }) => [name, message.includes("onConnection")])).toEqual([
    ["HawserWarning", true],
    ["HawserWarning", true],
  ]);
});

describe("a pattern", () => {
  test.each([
    ["file://", "file://", true],
    ["file://", "FILE://", true],
    ["file://", "https://example.com", false],
    ["file://", "qrc://", false],
    ["qrc://", "qrc://", true],
    ["http://localhost:*", "http://localhost", true],
    ["http://localhost:*", "http://localhost:5173", true],
    ["http://localhost:*", "https://localhost:5173", false],
    ["http://localhost:*", "http://localhost.evil.example:5173", false],
    ["http://localhost:*", "http://evil.example", false],
    ["chrome-extension://*", "chrome-extension://abcdef", true],
    ["chrome-extension://*", "moz-extension://abcdef", false],
    ["chrome-extension://*", "https://abcdef", false],
  ])("%s, asked about %s, says %s", (pattern, origin, expected) => {
    expect(allows([pattern], origin)).toBe(expected);
  });

  test.each(["https://*", "http://*", "wss://*", "https://", "https://*:*", "https://a:80:*", "*://*"])(
    "%s is refused: it would allow too much, or nothing",
    (pattern) => {
      expect(() => originRule([pattern])).toThrow(InvalidArgumentError);
    },
  );
});

test.each([
  ["https://example.com/", true],
  ["https://example.com//", false],
  ["https://example.com/a/", false],
  ["https://evil.example/", false],
])("a slash at the end of %s is tolerated: %s", (origin, expected) => {
  expect(mayConnectFrom(origin, requestTo("example.com"), originRule("same"))).toBe(expected);
});
