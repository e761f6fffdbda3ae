import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { ConnectionRequest } from "../../src/handshake/request.ts";
import { OriginWarnings } from "../../src/server/origin-warnings.ts";

const warn = vi.spyOn(process, "emitWarning");

beforeEach(() => {
  warn.mockReset().mockImplementation(() => undefined);
});

afterEach(() => void warn.mockReset());

function from(origin: string, host = "127.0.0.1:8080"): ConnectionRequest {
  return { headers: { origin, host }, query: {}, url: "/", remoteAddress: "192.0.2.7" };
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
