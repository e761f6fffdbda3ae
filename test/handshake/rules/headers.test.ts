import { describe, expect, test } from "vitest";
import { type HandshakeHeaderName, HandshakeHeaders } from "../../../src/handshake/rules/headers.ts";

describe("the headers of a handshake", () => {
  const names: readonly HandshakeHeaderName[] = [
    "host",
    "origin",
    "upgrade",
    "connection",
    "content-length",
    "transfer-encoding",
    "sec-websocket-key",
    "sec-websocket-version",
    "sec-websocket-protocol",
    "sec-websocket-extensions",
  ];

  test.each(names)("%s is found, whatever the case of its letters", (name) => {
    for (const written of [name, name.toUpperCase(), name.replace(/^./, (first) => first.toUpperCase())]) {
      const fields = new HandshakeHeaders(["X-Other", "a", written, "b", "Accept", "c"]);
      expect(fields.single(name)).toBe("b");
      expect(fields.list(name)).toBe("b");
    }
  });

  test.each(names)("%s is not confused with another of the same length", (name) => {
    const other = `${name.slice(0, -1)}_`;
    const fields = new HandshakeHeaders([other, "b"]);
    for (const each of names) expect(fields.list(each)).toBeUndefined();
  });

  test.each(names)("%s that comes three times is a list, and not one value", (name) => {
    const fields = new HandshakeHeaders([name, "a", name.toUpperCase(), "b", name, "c"]);
    expect(fields.single(name)).toBeUndefined();
    expect(fields.list(name)).toBe("a, b, c");
  });

  test("an empty value is a value", () => {
    expect(new HandshakeHeaders(["Origin", ""]).single("origin")).toBe("");
    expect(new HandshakeHeaders(["Origin", ""]).list("origin")).toBe("");
  });

  test("a name of an object's prototype is nothing special", () => {
    expect(new HandshakeHeaders(["constructor", "a", "__proto__", "b"]).single("host")).toBeUndefined();
  });
});

test("the bytes of headers are those of their lines, unused ones too", () => {
  expect(new HandshakeHeaders([]).byteLength).toBe(0);
  expect(new HandshakeHeaders(["Host", "example.com", "X-Other", ""]).byteLength).toBe(
    "Host: example.com\r\n".length + "X-Other: \r\n".length,
  );
});
