import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { RelayedRequest, Values } from "../../src/handshake/request.ts";
import { type Origins, originRule } from "../../src/handshake/rules/origin.ts";
import { OriginWarnings } from "../../src/server/origin-warnings.ts";
import { connectionRequest } from "../support/connection-request.ts";

const warn = vi.spyOn(process, "emitWarning");

beforeEach(() => {
  warn.mockReset().mockImplementation(() => undefined);
});

afterEach(() => void warn.mockReset());

function from(origin: string, headers: Values = {}, isFromTrustedProxy = false): RelayedRequest {
  const all = { origin, host: "127.0.0.1:8080", ...headers };
  return connectionRequest({
    headers: all,
    remoteAddress: "192.0.2.7",
    isFromTrustedProxy,
  });
}

/** The text of the warning of one request. */
function textOf(request: RelayedRequest, origins?: Origins): string {
  new OriginWarnings(originRule(origins)).onRefused(request);
  return String(warn.mock.calls.at(-1)?.[0]);
}

test("a warning names the origin, the host, the option, and the line for a proxy", () => {
  new OriginWarnings(originRule(undefined)).onRefused(from("https://app.example.com"));
  expect(warn).toHaveBeenCalledExactlyOnceWith(expect.any(String), {
    type: "HawserWarning",
    code: "HWS_ORIGIN_REFUSED",
  });
  const [text] = warn.mock.calls[0]!;
  expect(text).toContain('the origin "https://app.example.com"');
  expect(text).toContain('Host is "127.0.0.1:8080"');
  expect(text).toContain('add "https://app.example.com" to the option origins.');
  expect(text).toContain("proxy_set_header Host $http_host;");
  expect(text).not.toContain("several proxies");
});

describe("the advice", () => {
  test.each([
    "*",
    "same",
    "https://*.example.com",
    "nonsense",
    "",
    "a, b",
    "https://é.example",
    `https://${"a".repeat(300)}.example.com`,
  ])("proposes no value for the origin %j, which would allow others, or is none", (origin) => {
    expect(textOf(from(origin))).toContain("no value of the option origins is proposed.");
    expect(textOf(from(origin))).not.toContain("add ");
  });

  test("for null is not to allow it", () => {
    expect(textOf(from("null"), ["https://example.com"])).toContain("Do not allow it unless you know why.");
    expect(textOf(from("null"))).not.toContain("add ");
  });

  test("to who has a list is to add to it, and who has pasted it has a list that allows the page", () => {
    const text = textOf(from("https://app.example.com/"), ["https://example.com"]);
    expect(text).toContain('add "https://app.example.com" to the option origins.');
    expect(text).not.toContain("same");
  });

  test("to who has a function names it, and the line for a proxy", () => {
    const text = textOf(from("https://app.example.com"), () => false);
    expect(text).toContain("The function of the option origins has refused it.");
    expect(text).toContain("proxy_set_header Host $http_host;");
    expect(text).not.toContain("add ");
  });
});

describe("behind a proxy", () => {
  const HEADERS = { "x-forwarded-host": "evil.example, app.example.com", "x-forwarded-proto": "http" };

  test("it names what the origin was compared with, if the proxy is trusted", () => {
    const text = textOf(from("https://app.example.com", HEADERS, true));
    expect(text).toContain('The request\'s X-Forwarded-Host is "app.example.com", its X-Forwarded-Proto is "http".');
    expect(text).toContain("proxy_set_header X-Forwarded-Host $http_host;");
    expect(text).toContain("each must pass on what the first one has told");
    expect(text).not.toContain("127.0.0.1:8080");
  });

  test("it names the Host if the trusted proxy tells none, and the line for it", () => {
    const text = textOf(from("https://app.example.com", { "x-forwarded-port": "8443" }, true));
    expect(text).toContain('The request\'s Host is "127.0.0.1:8080", its X-Forwarded-Port is "8443".');
    expect(text).toContain("proxy_set_header Host $http_host;");
  });

  test("it says when Forwarded is malformed", () => {
    const text = textOf(from("https://app.example.com", { forwarded: 'host="' }, true));
    expect(text).toContain("The request's Forwarded (host) is missing or malformed.");
  });

  test("it names the Host if the proxy is not trusted, and that its header is ignored", () => {
    const text = textOf(from("https://app.example.com", HEADERS));
    expect(text).toContain('The request\'s Host is "127.0.0.1:8080".');
    expect(text).toContain("Its X-Forwarded-Host is ignored: the option trustProxy does not name who has sent it.");
    expect(text).toContain("proxy_set_header Host $http_host;");
  });
});

test("each origin is named once, and at most 20 of them", () => {
  const warnings = new OriginWarnings(originRule(undefined));
  for (let i = 0; i < 100; i++) warnings.onRefused(from(`https://${String(i % 50)}.example.com`));
  expect(warn).toHaveBeenCalledTimes(20);
});

test("a header cannot end the line, nor make it long", () => {
  new OriginWarnings(originRule(undefined)).onRefused(from(`a\r\n\u001b[31m\u009b${"b".repeat(10_000)}`));
  const [text] = warn.mock.calls[0]!;
  expect(String(text)).toMatch(/^[\x20-\x7e]{1,1000}$/);
});
