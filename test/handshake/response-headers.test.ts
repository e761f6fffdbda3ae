import { describe, expect, test } from "vitest";
import { InvalidArgumentError } from "../../src/errors/errors.ts";
import {
  type ResponseHeaders,
  checkedAcceptHeaders,
  checkedRefusalHeaders,
  serializeHeaders,
} from "../../src/handshake/response-headers.ts";

describe.each([
  ["a refusal", checkedRefusalHeaders, "refuse"],
  ["an accepted handshake", checkedAcceptHeaders, "responseHeaders"],
])("the headers of %s", (_name, check, method) => {
  test("a copy is returned, with numbers as text", () => {
    const cookies = ["a=1", "b=2"];
    const checked = check({ "Set-Cookie": cookies, "X-Count": 7 });
    cookies.push("c=3");
    expect(checked).toEqual({ "Set-Cookie": ["a=1", "b=2"], "X-Count": "7" });
  });

  test.each([
    ["CR and LF in a value", { X: "a\r\nSet-Cookie: b=1" }],
    ["LF in a value", { X: "a\nb" }],
    ["CR in one of several", { X: ["a", "b\rc"] }],
    ["CR and LF in a name", { "X\r\nY": "a" }],
    ["a value of another type", { X: true }],
    ["a header that the library sets", { connection: "close" }],
  ])("%s is refused", (_what, headers) => {
    const call = (): unknown => check(headers as unknown as ResponseHeaders);
    expect(call).toThrow(InvalidArgumentError);
    expect(call).toThrow(`${method}: headers: `);
  });

  test("something else than an object is refused", () => {
    expect(() => check(null as unknown as ResponseHeaders)).toThrow(`${method}: headers: expected an object`);
  });
});

test("only the library sets the handshake's headers of a 101", () => {
  expect(() => checkedAcceptHeaders({ "Sec-WebSocket-Protocol": "chat" })).toThrow(/is set by the library$/);
  expect(() => checkedAcceptHeaders({ "sec-websocket-extensions": "x" })).toThrow(/is set by the library$/);
});

test("an array becomes several lines", () => {
  expect(serializeHeaders({ "Set-Cookie": ["a=1", "b=2"], X: 5 })).toBe(
    "Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nX: 5\r\n",
  );
});
