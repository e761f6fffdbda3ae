import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { RelayedRequest, Values } from "../../src/handshake/request.ts";
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
function textOf(request: RelayedRequest): string {
  new OriginWarnings().onRefused(request);
  return String(warn.mock.calls.at(-1)?.[0]);
}

test("a warning names the origin, the host, the option, and the line for a proxy", () => {
  new OriginWarnings().onRefused(from("https://app.example.com"));
  expect(warn).toHaveBeenCalledExactlyOnceWith(expect.any(String), {
    type: "HawserWarning",
    code: "HWS_ORIGIN_REFUSED",
  });
  const [text] = warn.mock.calls[0]!;
  expect(text).toContain('the origin "https://app.example.com"');
  expect(text).toContain('Host is "127.0.0.1:8080"');
  expect(text).toContain('origins: ["same", "https://app.example.com"]');
  expect(text).toContain("proxy_set_header Host $http_host;");
  expect(text).not.toContain("several proxies");
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
  const warnings = new OriginWarnings();
  for (let i = 0; i < 100; i++) warnings.onRefused(from(`https://${String(i % 50)}.example.com`));
  expect(warn).toHaveBeenCalledTimes(20);
});

test("a header cannot end the line, nor make it long", () => {
  new OriginWarnings().onRefused(from(`a\r\n\u001b[31m\u009b${"b".repeat(10_000)}`));
  const [text] = warn.mock.calls[0]!;
  expect(String(text)).toMatch(/^[\x20-\x7e]{1,1000}$/);
});
