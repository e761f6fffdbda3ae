import { describe, expect, test } from "vitest";
import { InvalidArgumentError, OutOfRangeError } from "../../src/errors/errors.ts";
import { nameOfStatus, Refusal, refuse } from "../../src/handshake/refusal.ts";
import type { ResponseHeaders } from "../../src/handshake/response-headers.ts";

describe("refuse", () => {
  // shows 4D-1-handler-refuse
  test("it keeps status, body and headers", () => {
    const refusal = refuse(401, "Sign in first.", { "WWW-Authenticate": "Bearer" });
    expect(refusal).toBeInstanceOf(Refusal);
    expect(refusal.status).toBe(401);
    expect(refusal.body).toBe("Sign in first.");
    expect(refusal.headers).toEqual({ "WWW-Authenticate": "Bearer" });
  });

  test("without a body it has the status's own name", () => {
    expect(refuse(404).body).toBe("Not Found");
    expect(refuse(429).body).toBe("Too Many Requests");
    expect(refuse(599).body).toBe("Refused");
  });

  test("an empty body stays empty", () => {
    expect(refuse(403, "").body).toBe("");
  });

  test.each([300, 302, 400, 404, 418, 500, 503, 599])("status %d is allowed", (status) => {
    expect(refuse(status).status).toBe(status);
  });

  test.each([0, 100, 101, 200, 204, 299, 600, 1000, -401, 401.5, NaN, Infinity, "401", undefined, null])(
    "status %s is out of range, and the error says what was expected",
    (status) => {
      const call = (): unknown => refuse(status as number);
      expect(call).toThrow(OutOfRangeError);
      expect(call).toThrow(/^refuse: status: expected an integer from 300 to 599, got /);
    },
  );

  test.each([[5], [{}], [null], [["x"]]])("a body that is %j is refused", (body) => {
    const call = (): unknown => refuse(400, body as string);
    expect(call).toThrow(InvalidArgumentError);
    expect(call).toThrow(/^refuse: body: /);
  });
});

describe("the headers of a refusal", () => {
  test("a number and several of one name are allowed", () => {
    const headers = { "Retry-After": 5, "Set-Cookie": ["a=1", "b=2"] };
    expect(refuse(503, "Later.", headers).headers).toEqual({ ...headers, "Retry-After": "5" });
  });

  test.each([
    ["a line end in the value", { "X-A": "1\r\nX-B: 2" }],
    ["a carriage return in the value", { "X-A": "1\r" }],
    ["a line feed in the value", { "X-A": "1\n2" }],
    ["a NUL in the value", { "X-A": "1\u0000" }],
    ["a line end in one of several values", { "X-A": ["ok", "1\r\nX-B: 2"] }],
    ["a character that is no byte", { "X-A": "\u20ac" }],
    ["a line end in the name", { "X-A: 1\r\nX-B": "2" }],
    ["a colon in the name", { "X-A:": "2" }],
    ["a blank in the name", { "X A": "2" }],
    ["an empty name", { "": "2" }],
  ])("%s is refused", (_what, headers: ResponseHeaders) => {
    const call = (): unknown => refuse(400, "No.", headers);
    expect(call).toThrow(InvalidArgumentError);
    expect(call).toThrow(/^refuse: headers: /);
  });

  test.each([[undefined], [null], [true], [{}], [[5]], [[undefined]]])("a value that is %j is refused", (value) => {
    const call = (): unknown => refuse(400, "No.", { "X-A": value } as unknown as ResponseHeaders);
    expect(call).toThrow(InvalidArgumentError);
    expect(call).toThrow(/^refuse: headers: /);
  });

  test.each(["Content-Length", "content-length", "Transfer-Encoding", "Connection", "UPGRADE"])(
    "%s is set by the library only",
    (name) => {
      const call = (): unknown => refuse(400, "No.", { [name]: "0" });
      expect(call).toThrow(InvalidArgumentError);
      expect(call).toThrow(new RegExp(`^refuse: headers: ${name} is set by the library$`));
    },
  );

  test("headers that are no object are refused", () => {
    for (const headers of [null, "X-A: 1", 5]) {
      expect(() => refuse(400, "No.", headers as unknown as ResponseHeaders)).toThrow(
        /^refuse: headers: expected an object/,
      );
    }
  });

  test("a header called __proto__ is one like any other", () => {
    const headers = JSON.parse('{ "__proto__": "1" }') as ResponseHeaders;
    expect(Object.entries(refuse(400, "No.", headers).headers)).toEqual([["__proto__", "1"]]);
  });

  test("a change after the check is not sent", () => {
    const headers: Record<string, string | string[]> = { "X-A": "1", "X-B": ["1"] };
    const refusal = refuse(400, "No.", headers);
    headers["X-A"] = "1\r\nX-C: 2";
    (headers["X-B"] as string[])[0] = "1\r\nX-C: 2";
    expect(refusal.headers).toEqual({ "X-A": "1", "X-B": ["1"] });
  });
});

test("a status has the name that HTTP gives it", () => {
  expect(nameOfStatus(426)).toBe("Upgrade Required");
  expect(nameOfStatus(431)).toBe("Request Header Fields Too Large");
  expect(nameOfStatus(499)).toBe("Refused");
});
