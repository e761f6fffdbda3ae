import { expect, test } from "vitest";
import {
  type Environment,
  basicAuthorization,
  hostOf,
  percentDecoded,
  portOf,
  proxyOfEnvironment,
} from "../../../src/client/node/proxy-environment.ts";

const SECURE = "wss://example.com/";
const PLAIN = "ws://example.com/";

const P = "http://proxy:1";
const Q = "http://other:2";

test.each<[what: string, url: string, environment: Environment, proxy: string | undefined]>([
  ["nothing is set", SECURE, {}, undefined],
  ["https_proxy for wss:", SECURE, { https_proxy: P, http_proxy: Q }, P],
  ["http_proxy for ws:", PLAIN, { http_proxy: P, https_proxy: Q }, P],
  ["not https_proxy for ws:", PLAIN, { https_proxy: P }, undefined],
  ["not http_proxy for wss:", SECURE, { http_proxy: P }, undefined],
  ["all_proxy for wss:", SECURE, { all_proxy: P, http_proxy: Q }, P],
  ["all_proxy for ws:", PLAIN, { all_proxy: P, https_proxy: Q }, P],
  ["the scheme's before all_proxy", SECURE, { all_proxy: Q, https_proxy: P }, P],
  ["HTTPS_PROXY", SECURE, { HTTPS_PROXY: P }, P],
  ["HTTP_PROXY", PLAIN, { HTTP_PROXY: P }, P],
  ["ALL_PROXY", PLAIN, { ALL_PROXY: P }, P],
  ["lower case first", SECURE, { HTTPS_PROXY: Q, https_proxy: P }, P],
  ["an empty lower-case variable is as none", SECURE, { HTTPS_PROXY: P, https_proxy: "" }, P],
  ["an empty variable is as none", SECURE, { https_proxy: "", HTTPS_PROXY: "" }, undefined],
  ["HTTP_PROXY in a CGI program: httpoxy", PLAIN, { HTTP_PROXY: Q, REQUEST_METHOD: "GET" }, undefined],
  ["http_proxy in a CGI program", PLAIN, { http_proxy: P, REQUEST_METHOD: "GET" }, P],
  ["HTTPS_PROXY in a CGI program", SECURE, { HTTPS_PROXY: P, REQUEST_METHOD: "GET" }, P],
  ["a proxy without a scheme", SECURE, { https_proxy: "proxy:1" }, P],
  ["a proxy of SOCKS is told, not skipped", SECURE, { all_proxy: "socks5://proxy:1" }, "socks5://proxy:1"],
  ...[
    "localhost",
    "a.localhost",
    "localhost.",
    "127.0.0.1",
    "127.255.0.9",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "LOCALHOST",
  ].map((host): [string, string, Environment, string | undefined] => [
    `the loopback ${host}`,
    `wss://${host}/`,
    { all_proxy: P },
    undefined,
  ]),
  ...["localhost.example.com", "mylocalhost", "128.0.0.1", "[::2]", "127.example.com", "[::ffff:10.0.0.1]"].map(
    (host): [string, string, Environment, string | undefined] => [
      `no loopback: ${host}`,
      `wss://${host}/`,
      { all_proxy: P },
      P,
    ],
  ),
])("the proxy of the environment: %s", (_what, url, environment, proxy) => {
  expect(proxyOfEnvironment(new URL(url), environment)).toBe(proxy);
});

test.each<[list: string, url: string, isDirect: boolean]>([
  ["*", SECURE, true],
  ["example.com", SECURE, true],
  ["EXAMPLE.com", SECURE, true],
  ["example.com.", SECURE, true],
  ["example.com", "wss://example.com./", true],
  ["example.com", "wss://a.b.example.com/", true],
  ["example.com", "wss://badexample.com/", false],
  [".example.com", "wss://a.example.com/", true],
  [".example.com", "wss://badexample.com/", false],
  ["*.example.com", "wss://a.example.com/", true],
  ["a.example.com", SECURE, false],
  ["example.com:443", SECURE, true],
  ["example.com:443", PLAIN, false],
  ["example.com:80", PLAIN, true],
  ["example.com:8443", "wss://example.com:8443/", true],
  ["example.com:8443", SECURE, false],
  ["other, example.com", SECURE, true],
  ["other example.com", SECURE, true],
  [" ,, ", SECURE, false],
  ["", SECURE, false],
  ["com.", "wss://example.com/", true],
  [".", SECURE, false],
  ["10.0.0.1", "ws://10.0.0.1/", true],
  ["10.0.0.1", "ws://10.0.0.10/", false],
  ["0.0.1", "ws://10.0.0.1/", false],
  ["10.0.0.1:81", "ws://10.0.0.1:81/", true],
  ["10.0.0.1:81", "ws://10.0.0.1/", false],
  ["10.0.0.0/8", "ws://10.1.2.3/", true],
  ["10.0.0.0/8", "ws://11.1.2.3/", false],
  ["10.0.0.0/33", "ws://10.1.2.3/", false],
  ["10.0.0.0/", "ws://10.1.2.3/", false],
  ["10.0.0.0/8", "ws://ten.example.com/", false],
  ["0.0.0.0/0", "ws://1.2.3.4/", true],
  ["2001:db8::1", "ws://[2001:db8::1]/", true],
  ["2001:0db8:0::1", "ws://[2001:db8::1]/", true],
  ["[2001:db8::1]", "ws://[2001:db8::1]/", true],
  ["[2001:db8::1]:80", "ws://[2001:db8::1]/", true],
  ["[2001:db8::1]:81", "ws://[2001:db8::1]/", false],
  ["2001:db8::/32", "ws://[2001:db8:1::1]/", true],
  ["2001:db8::/32", "ws://[2001:db9::1]/", false],
  ["2001:db8::/129", "ws://[2001:db8::1]/", false],
  ["10.0.0.0/8", "ws://[2001:db8::1]/", false],
])("no_proxy=%j and %s: direct is %s", (list, url, isDirect) => {
  const proxies = { all_proxy: P };
  expect(proxyOfEnvironment(new URL(url), { ...proxies, no_proxy: list })).toBe(isDirect ? undefined : P);
  expect(proxyOfEnvironment(new URL(url), { ...proxies, NO_PROXY: list })).toBe(isDirect ? undefined : P);
});

test("the lower-case no_proxy stands above the other", () => {
  expect(proxyOfEnvironment(new URL(SECURE), { all_proxy: P, no_proxy: "x", NO_PROXY: "*" })).toBe(P);
});

test.each([
  ["ws://a/", "a", 80],
  ["wss://a/", "a", 443],
  ["http://a:81/", "a", 81],
  ["https://a/", "a", 443],
  ["ws://[::1]:82/", "::1", 82],
])("host and port of %s", (url, host, port) => {
  expect([hostOf(new URL(url)), portOf(new URL(url))]).toEqual([host, port]);
});

test.each([
  ["ws://a/", undefined],
  ["ws://u@a/", "u:"],
  ["ws://:p@a/", ":p"],
  ["ws://u:p@a/", "u:p"],
  ["ws://%C3%BC:%3A%40@a/", "ü::@"],
  ["ws://100%:%zz@a/", "100%:%zz"],
])("user and password of %s", (url, expected) => {
  const header = basicAuthorization(new URL(url));
  expect(header && Buffer.from(header.replace("Basic ", ""), "base64").toString()).toBe(expected);
});

test("escapes that are none stand for themselves", () => {
  expect(["%41", "%", "%4", "%zz", "a%20b", "%E4%B8%96"].map(percentDecoded)).toEqual([
    "A",
    "%",
    "%4",
    "%zz",
    "a b",
    "世",
  ]);
});
