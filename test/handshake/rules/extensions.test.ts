import { describe, expect, test } from "vitest";
import { InvalidArgumentError } from "../../../src/errors/errors.ts";
import { parseExtensions, readExtensions, serializeExtensions } from "../../../src/handshake/rules/extensions.ts";
import type { Extension } from "../../../src/protocol/extension.ts";

/** So long that a scanner with backtracking would exceed the test's timeout. */
const LONG = 1 << 20;

describe("what a client offers", () => {
  test.each([
    ["foo", [{ name: "foo", parameters: [] }]],
    ["foo;bar", [{ name: "foo", parameters: [["bar", true]] }]],
    ["foo; bar=1", [{ name: "foo", parameters: [["bar", "1"]] }]],
    [
      'foo ; bar = "1" ; baz',
      [
        {
          name: "foo",
          parameters: [
            ["bar", "1"],
            ["baz", true],
          ],
        },
      ],
    ],
    [
      "foo, bar;x",
      [
        { name: "foo", parameters: [] },
        { name: "bar", parameters: [["x", true]] },
      ],
    ],
    // RFC 9110 5.6.1: empty elements are left out.
    [",foo,,", [{ name: "foo", parameters: [] }]],
    ["", []],
    [" , ", []],
    // A quoted value may escape what it holds (RFC 9110 5.6.4), but must be a token then.
    ['foo;bar="a\\b"', [{ name: "foo", parameters: [["bar", "ab"]] }]],
    // The same name twice is two offers, and the first is preferred (RFC 6455 9.1).
    [
      "foo;a, foo",
      [
        { name: "foo", parameters: [["a", true]] },
        { name: "foo", parameters: [] },
      ],
    ],
  ])("%j is read", (value, offers) => {
    expect(parseExtensions(value)).toEqual(offers);
  });

  test("permessage-deflate as browsers offer it is read", () => {
    expect(parseExtensions("permessage-deflate; client_max_window_bits")).toEqual([
      { name: "permessage-deflate", parameters: [["client_max_window_bits", true]] },
    ]);
  });

  test("names of Object.prototype are names like others (GHSA-5v72-xg48-5rpm)", () => {
    const value = "constructor, __proto__;hasOwnProperty=1;__proto__, toString";
    expect(parseExtensions(value)).toEqual([
      { name: "constructor", parameters: [] },
      {
        name: "__proto__",
        parameters: [
          ["hasOwnProperty", "1"],
          ["__proto__", true],
        ],
      },
      { name: "toString", parameters: [] },
    ]);
  });
});

describe("what breaks the grammar", () => {
  test.each([
    ";",
    ";foo",
    "foo;",
    "foo;;bar",
    "foo;=1",
    "foo;bar=",
    "foo;bar=1=2",
    "foo bar",
    "foo;bar baz",
    "foo;bar=a b",
    '"foo"',
    'foo;"bar"',
    'foo;bar="',
    'foo;bar=""',
    'foo;bar="a b"',
    'foo;bar="a,b"',
    'foo;bar="a;b"',
    'foo;bar="a\\"',
    'foo;bar="a\\""',
    'foo;bar="a"b',
    'foo;bar="a" "b"',
    "foo;bar=caf\u00e9",
    "f\u00f6o",
    "foo\u0000",
    "ok, (bad)",
    "ok, ;",
  ])("%j is refused", (value) => {
    expect(parseExtensions(value)).toBeUndefined();
  });
});

describe("hostile input", () => {
  test("64 extensions with 64 parameters each are read, one more of either is refused", () => {
    const parameters = (count: number): string => ";a".repeat(count);
    const extensions = (count: number): string => Array.from({ length: count }, () => `x${parameters(64)}`).join();
    expect(parseExtensions(extensions(64))?.length).toBe(64);
    expect(parseExtensions(extensions(65))).toBeUndefined();
    expect(parseExtensions(`x${parameters(65)}`)).toBeUndefined();
  });

  test.each([
    ["quotes", '"'],
    ["backslashes", "\\"],
    ["blanks", " "],
    ["semicolons", ";"],
    ["equals signs", "="],
    ["letters", "a"],
  ])("a million %s in an extension are read in one pass", (_what, character) => {
    const many = character.repeat(LONG);
    const refused = character !== " ";
    expect(parseExtensions(`x; y=${many}`) === undefined).toBe(character !== "a");
    expect(parseExtensions(`x; y="${many}`)).toBeUndefined();
    expect(parseExtensions(`x ${many}`) === undefined).toBe(refused);
  });

  test("a million commas are read in one pass", () => {
    expect(parseExtensions(",".repeat(LONG))).toEqual([]);
    expect(parseExtensions(`x${",".repeat(LONG)}y`)?.length).toBe(2);
    expect(parseExtensions("x,".repeat(LONG))).toBeUndefined();
  });
});

describe("the header as a whole", () => {
  test("without it there are no extensions", () => {
    expect(readExtensions(undefined)).toEqual([]);
  });

  test.each(["", " , ", "a;"])("%j fails the handshake", (header) => {
    expect(readExtensions(header)).toBeUndefined();
  });

  test("a serialized list is parsed to the same value", () => {
    const extensions: Extension[] = [
      { name: "a", parameters: [] },
      {
        name: "b",
        parameters: [
          ["c", true],
          ["d", "1"],
        ],
      },
    ];
    expect(serializeExtensions(extensions)).toBe("a, b; c; d=1");
    expect(readExtensions(serializeExtensions(extensions))).toEqual(extensions);
  });

  test.each([
    [{ name: "a b", parameters: [] }],
    [{ name: "a", parameters: [["b\r\n", true]] }],
    [{ name: "a", parameters: [["b", "c, d"]] }],
  ] as [Extension][])("what is not a token is not serialized", (extension) => {
    expect(() => serializeExtensions([extension])).toThrow(InvalidArgumentError);
  });
});
