import { InvalidArgumentError, OutOfRangeError } from "hawser/client";
import { expect, test } from "vitest";
import { headerList } from "../../../src/client/node/headers.ts";
import { connectionSettings, readNodeOptions } from "../../../src/client/node/node-options.ts";

test("the defaults", () => {
  expect(readNodeOptions({}, {})).toMatchObject({
    dataType: "text",
    handshakeTimeout: 10_000,
    closeTimeout: 5_000,
    maxHeaderSize: 16 * 1024,
    maxMessageSize: 16 * 1024 * 1024,
    maxFragments: 16_384,
    pingInterval: 25_000,
    pingTimeout: 20_000,
    invalidJson: "close",
    sendQueuePolicy: "terminate",
    compression: undefined,
    proxy: undefined,
    headers: undefined,
  });
});

test.each<[string, Record<string, unknown>]>([
  ["an unknown option", { maxPayload: 1 }],
  ["an option in another case", { maxheadersize: 1 }],
  ["origin as a number", { origin: 1 }],
  ["tls as a text", { tls: "ca" }],
  ["tls as null", { tls: null }],
  ["a proxy as a number", { proxy: 3128 }],
  ["a proxy that is no URL", { proxy: "http://" }],
  ["a proxy of SOCKS", { proxy: "socks5://127.0.0.1:1080" }],
  ["a socketPath that is no text", { socketPath: 1 }],
  ["a createConnection that is no function", { createConnection: {} }],
  ["socketPath and createConnection", { socketPath: "/a", createConnection: () => undefined }],
  ["socketPath and proxy", { socketPath: "/a", proxy: "http://a" }],
  ["createConnection and proxy", { createConnection: () => undefined, proxy: () => null }],
  ["a bad header", { headers: { "A B": "1" } }],
  ["a header of the handshake", { headers: { Connection: "close" } }],
  ["invalidJson without objects", { invalidJson: "ignore" }],
  ["another invalidJson", { invalidJson: "drop", dataType: "object" }],
  ["another sendQueuePolicy", { sendQueuePolicy: "wait" }],
  ["another dataType", { dataType: "json" }],
])("is refused: %s", (_what, options) => {
  expect(() => readNodeOptions(options, {})).toThrow(InvalidArgumentError);
});

test.each<[Record<string, unknown>, string]>([
  [
    { http2: { request: () => 0, ping: () => 0 } },
    "http2: expected true, false or a function: write http2: () => session",
  ],
  [{ http2: {} }, "http2: expected true, false or a function, got"],
  [{ ca: "" }, 'there is no option "ca": did you mean tls: { ca }?'],
  [{ rejectUnauthorized: false }, 'there is no option "rejectUnauthorized": did you mean tls: { rejectUnauthorized }?'],
])("what is meant is told: %j", (options, text) => {
  expect(() => readNodeOptions(options, {})).toThrow(text);
});

test.each<[string, Record<string, unknown>]>([
  ["maxHeaderSize", { maxHeaderSize: 0 }],
  ["maxFragments", { maxFragments: -1 }],
  ["pingInterval", { pingInterval: 0 }],
  ["maxMessageSize", { maxMessageSize: 2 ** 53 }],
])("is out of range: %s", (_what, options) => {
  expect(() => readNodeOptions(options, {})).toThrow(OutOfRangeError);
});

function* pairs() {
  yield ["A", "1"];
}

test.each<[string, () => unknown]>([
  ["an iterator of a Map", () => new Map([["A", "1"]]).entries()],
  ["a generator", pairs],
  ["an iterator of Headers", () => new Headers({ A: "1" }).entries()],
  ["an object with a list", () => ({ A: ["1", "2"], B: undefined })],
])("headers are read once, and kept for every dial: %s", (_what, make) => {
  const { headers } = readNodeOptions({ headers: make() }, {});
  const read = [headerList(headers), headerList(headers)];
  expect(read[0]?.slice(0, 2).map((one) => one.toUpperCase())).toEqual(["A", "1"]);
  expect(read[1]).toEqual(read[0]);
});

test("maxHeaderSize has an end: Node takes no Infinity", () => {
  expect(() => readNodeOptions({ maxHeaderSize: Infinity }, {})).toThrow("maxHeaderSize: expected an integer");
});

test("an error about SOCKS names createConnection", () => {
  expect(() => readNodeOptions({ proxy: "socks5://a" }, {})).toThrow(/createConnection/);
});

test("headers may be on the handler; the option stands above them", () => {
  const handler = { headers: { A: "handler" } };
  expect(readNodeOptions({}, handler).headers).toEqual([["A", "handler"]]);
  expect(readNodeOptions({ headers: { A: "option" } }, handler).headers).toEqual([["A", "option"]]);
  expect(() => readNodeOptions({}, { headers: { Upgrade: "x" } })).toThrow(InvalidArgumentError);
});

test("functions are taken as they are", () => {
  for (const functions of [
    { headers: () => ({}), proxy: () => null },
    { createConnection: () => undefined, proxy: null },
  ])
    expect(readNodeOptions(functions, {})).toMatchObject(functions);
});

test("the settings of a connection are those of a client", () => {
  const settings = connectionSettings(readNodeOptions({ maxFragments: 7, closeTimeout: 8, compression: true }, {}));
  expect(settings).toMatchObject({ role: "client", maxFragments: 7, closeTimeout: 8, maxMessagesPerSecond: Infinity });
  expect(settings.compression).toBeDefined();
  expect(settings.ignoresInvalidJson).toBe(false);
});

test("an object's limits of JSON are kept", () => {
  const { decode } = connectionSettings(readNodeOptions({ dataType: "object", maxJsonDepth: 2 }, {}));
  expect(decode.parse?.("[[1]]")).toEqual([[1]]);
  expect(() => decode.parse?.("[[[1]]]")).toThrow(/maxJsonDepth|deep/);
});

test.each(["a\r\nX: 1", "a\u0000"])("an origin that HTTP does not allow is refused at once: %j", (origin) => {
  expect(() => readNodeOptions({ origin }, {})).toThrow(InvalidArgumentError);
});
