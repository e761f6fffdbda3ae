import { InvalidArgumentError } from "hawser/client";
import { expect, test } from "vitest";
import { headerList } from "../../../src/client/node/headers.ts";

test.each<[string, unknown, string[]]>([
  ["nothing", undefined, []],
  ["null", null, []],
  ["an object", { A: "1", B: "2" }, ["A", "1", "B", "2"]],
  ["a list of values", { Cookie: ["a=1", "b=2"] }, ["Cookie", "a=1", "Cookie", "b=2"]],
  ["an undefined value", { A: undefined, B: "2" }, ["B", "2"]],
  ["Headers", new Headers({ A: "1" }), ["a", "1"]],
  ["a Map", new Map([["A", "1"]]), ["A", "1"]],
  [
    "pairs",
    [
      ["A", "1"],
      ["A", "2"],
    ],
    ["A", "1", "A", "2"],
  ],
  ["a number", { A: 1 }, ["A", "1"]],
  ["Host", { Host: "example.com" }, ["Host", "example.com"]],
  ["Latin-1, a tab and nothing", { A: "\xfc\t", B: "" }, ["A", "\xfc\t", "B", ""]],
])("%s", (_what, headers, list) => {
  expect(headerList(headers)).toEqual(list);
});

test.each<[string, unknown]>([
  ["a text", "A: 1"],
  ["a list of texts", ["ab"]],
  ["a pair of one", [["A"]]],
  ["a pair of three", [["A", "1", "2"]]],
  ["a name with a space", { "A B": "1" }],
  ["an empty name", { "": "1" }],
  ["a name with a colon", { "A:": "1" }],
  ["a name with a line break", { "A\r\nB": "1" }],
  ["null", { A: null }],
  ["an object as value", { A: {} }],
  ["a boolean", { A: true }],
  ["null in a list", { A: ["1", null] }],
  ...["\r", "\n", "\0", "\x7f", "\u0100", "\u{1f600}", "\x1b"].map((one): [string, unknown] => [
    `the character ${JSON.stringify(one)}`,
    { A: `1${one}` },
  ]),
  ...[
    "Connection",
    "UPGRADE",
    "sec-websocket-key",
    "Sec-WebSocket-Version",
    "Sec-WebSocket-Anything",
    "Content-Length",
    "Transfer-Encoding",
  ].map((name): [string, unknown] => [name, { [name]: "1" }]),
])("is refused: %s", (_what, headers) => {
  expect(() => headerList(headers)).toThrow(InvalidArgumentError);
});

test("an error does not show the value, which may be a secret", () => {
  expect(() => headerList({ Authorization: "secret\n" })).toThrow(/^(?!.*secret).*Authorization/);
});
