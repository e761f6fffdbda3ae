import { describe, expect, test } from "vitest";
import type { RelayedRequest, Values } from "../../../src/handshake/request.ts";
import { hostClaims } from "../../../src/handshake/rules/public-host.ts";
import { connectionRequest } from "../../support/connection-request.ts";

function request(headers: Values, isFromTrustedProxy = true): RelayedRequest {
  return connectionRequest({ headers: headers, isFromTrustedProxy });
}

/** The claims in short: `["X-Forwarded-Host host", "example.com"]`. */
function claims(headers: Values, isTrusted?: boolean): (readonly [string, string | undefined])[] {
  return hostClaims(request(headers, isTrusted)).map(({ header, part, value }) => [`${header} ${part}`, value]);
}

const FORWARDED = {
  "x-forwarded-host": "app.example.com",
  "x-forwarded-port": "8443",
  "x-forwarded-proto": "https",
  forwarded: "host=app.example.com;proto=https",
};

describe("a peer that is no trusted proxy", () => {
  test("only Host counts, whatever the other headers say", () => {
    expect(claims({ host: "internal:8080", ...FORWARDED }, false)).toEqual([["Host host", "internal:8080"]]);
    const { isFromTrustedProxy: _left, ...unknown } = request({ host: "internal:8080", ...FORWARDED });
    expect(hostClaims(unknown)).toEqual([{ header: "Host", part: "host", value: "internal:8080" }]);
  });

  test.each([[undefined], [["a", "b"]]])("a Host of %j is none", (host) => {
    expect(claims({ host }, false)).toEqual([["Host host", undefined]]);
  });
});

describe("a trusted proxy", () => {
  test("without its headers it is Host", () => {
    expect(claims({ host: "internal" })).toEqual([["Host host", "internal"]]);
  });

  test("a host of its headers stands in the place of Host", () => {
    expect(claims({ host: "internal", "x-forwarded-host": "app.example.com" })).toEqual([
      ["X-Forwarded-Host host", "app.example.com"],
    ]);
    expect(claims({ host: "internal", forwarded: "host=app.example.com" })).toEqual([
      ["Forwarded host", "app.example.com"],
    ]);
  });

  test("port and scheme are added, to Host too", () => {
    expect(claims({ host: "a", "x-forwarded-port": "8443", "x-forwarded-proto": "https" })).toEqual([
      ["Host host", "a"],
      ["X-Forwarded-Port port", "8443"],
      ["X-Forwarded-Proto scheme", "https"],
    ]);
    expect(claims({ host: "a", forwarded: "for=192.0.2.7;proto=https" })).toEqual([
      ["Host host", "a"],
      ["Forwarded scheme", "https"],
    ]);
  });

  test("headers of both kinds all count: a client may have written one of them", () => {
    expect(claims({ host: "internal", ...FORWARDED }).map(([name]) => name)).toEqual([
      "X-Forwarded-Host host",
      "X-Forwarded-Port port",
      "X-Forwarded-Proto scheme",
      "Forwarded host",
      "Forwarded scheme",
    ]);
  });

  test.each([
    ["evil.example, app.example.com", "app.example.com"],
    ["evil.example,app.example.com", "app.example.com"],
    [["evil.example", "app.example.com"], "app.example.com"],
    [["app.example.com", "evil.example, \t app.example.com "], "app.example.com"],
    ["app.example.com,", ""],
    ["", ""],
  ])("of the values %j the last counts, which the proxy has written", (value, expected) => {
    expect(claims({ "x-forwarded-host": value })).toEqual([["X-Forwarded-Host host", expected]]);
  });
});

describe("Forwarded", () => {
  test.each([
    ["host=a", "a"],
    ["Host=A", "A"],
    ['host="a:8443"', "a:8443"],
    // RFC 7239 wants quotes here. Some proxies leave them out.
    ["host=a:8443", "a:8443"],
    ['for=192.0.2.7; host="a" ;proto=http;', "a"],
    ['for="[2001:db8::7]:4711";by=_x;host=a', "a"],
    ['host="\\a"', "a"],
    ["host=evil.example, host=a", "a"],
    ['for="x,y;host=evil.example", host=a', "a"],
    [["host=evil.example", "host=a"], "a"],
    [['for="', "host=a"], "a"],
  ])("%j: the last element has the host %s", (forwarded, expected) => {
    expect(claims({ forwarded })[0]).toEqual(["Forwarded host", expected]);
  });

  test.each(["host=evil.example, for=192.0.2.7", "host=evil.example,", "for=192.0.2.7", "", ";"])(
    "%j: the last element has none, and an element before it does not count",
    (forwarded) => {
      expect(claims({ host: "b", forwarded })).toEqual([["Host host", "b"]]);
    },
  );

  test.each([
    // What a client has begun would swallow the element of the proxy.
    'host=evil.example;for=", for=192.0.2.7;host=a',
    'host=evil.example;for=", for="[2001:db8::7]:1";host=a',
    'host=evil.example;for=", for=192.0.2.7;host="a:8443"',
    'for=192.0.2.7;host="a',
    "host=a;host=b",
    "host=a;HOST=b",
    "host",
    "=a",
    "host=a b",
    'host="a"b',
    'ho"st=a',
  ])("%s is malformed, which is no host", (forwarded) => {
    expect(claims({ host: "evil.example", forwarded })).toEqual([["Forwarded host", undefined]]);
  });

  test.each([
    ['"', 500_000],
    ['host="\\', 100_000],
    ["host=", 200_000],
    [";", 500_000],
    [",", 500_000],
    ["a=b;", 200_000],
  ])("%j many times is read in one pass", (part, times) => {
    expect(claims({ forwarded: part.repeat(times) })).toHaveLength(1);
  });
});
