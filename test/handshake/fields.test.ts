import { describe, expect, test } from "vitest";
import { type FieldName, Fields } from "../../src/handshake/fields.ts";

describe("the headers that a handshake hangs on", () => {
  const names: readonly FieldName[] = [
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
      const fields = new Fields(["X-Other", "a", written, "b", "Accept", "c"]);
      expect(fields.one(name)).toBe("b");
      expect(fields.all(name)).toBe("b");
    }
  });

  test.each(names)("%s is not taken for another of the same length", (name) => {
    const other = `${name.slice(0, -1)}_`;
    const fields = new Fields([other, "b"]);
    for (const each of names) expect(fields.all(each)).toBeUndefined();
  });

  test.each(names)("%s that comes three times is a list, and not one value", (name) => {
    const fields = new Fields([name, "a", name.toUpperCase(), "b", name, "c"]);
    expect(fields.one(name)).toBeUndefined();
    expect(fields.all(name)).toBe("a, b, c");
  });

  test("an empty value is a value", () => {
    expect(new Fields(["Origin", ""]).one("origin")).toBe("");
    expect(new Fields(["Origin", ""]).all("origin")).toBe("");
  });

  test("a name of an object's prototype is nothing special", () => {
    expect(new Fields(["constructor", "a", "__proto__", "b"]).one("host")).toBeUndefined();
  });
});

test("the bytes of headers are those of their lines, those that nobody asks for too", () => {
  expect(new Fields([]).bytes).toBe(0);
  expect(new Fields(["Host", "example.com", "X-Other", ""]).bytes).toBe(
    "Host: example.com\r\n".length + "X-Other: \r\n".length,
  );
});
