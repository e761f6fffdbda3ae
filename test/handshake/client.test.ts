import { expect, test } from "vitest";
import { checkResponse, handshakeHeaders, offerHeaders } from "../../src/handshake/client.ts";
import { HandshakeHeaders } from "../../src/handshake/rules/headers.ts";
import { acceptKey } from "../../src/handshake/rules/key.ts";

const key = "dGhlIHNhbXBsZSBub25jZQ==";
const offer = { key, protocols: ["a", "b"], deflate: undefined };

/** The answer with some headers changed; undefined leaves one out. */
function check(changed: Record<string, string | undefined> = {}, httpVersion = "1.1", more: string[] = []) {
  const headers: Record<string, string | undefined> = {
    Upgrade: "WebSocket",
    Connection: "keep-alive, Upgrade",
    "Sec-WebSocket-Accept": acceptKey(key),
    "Sec-WebSocket-Protocol": "b",
    ...changed,
  };
  const raw = Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [name, value]));
  return checkResponse({ httpVersion, headers: new HandshakeHeaders([...raw, ...more]) }, offer);
}

test("over HTTP/2 it has neither an upgrade nor a key", () => {
  expect(offerHeaders({ ...offer, protocols: ["chat"] })).toEqual([
    "Sec-WebSocket-Version",
    "13",
    "Sec-WebSocket-Protocol",
    "chat",
  ]);
});

test("the request has the headers of RFC 6455", () => {
  expect(handshakeHeaders({ ...offer, protocols: [] }).join(" ")).toBe(
    `Connection Upgrade Upgrade websocket Sec-WebSocket-Version 13 Sec-WebSocket-Key ${key}`,
  );
  expect(handshakeHeaders(offer).slice(-2)).toEqual(["Sec-WebSocket-Protocol", "a, b"]);
});

test("a right answer tells what was agreed", () => {
  expect(check()).toEqual({ protocol: "b", deflate: undefined, extensions: "" });
});

test.each([
  [{ Upgrade: undefined }, "Upgrade is not websocket"],
  [{ Upgrade: "h2c" }, "Upgrade is not websocket"],
  [{ Connection: undefined }, "Connection is not Upgrade"],
  [{ Connection: "close" }, "Connection is not Upgrade"],
  [{ "Sec-WebSocket-Accept": undefined }, "Sec-WebSocket-Accept is wrong"],
  [{ "Sec-WebSocket-Accept": acceptKey("other") }, "Sec-WebSocket-Accept is wrong"],
  [{ "Sec-WebSocket-Protocol": undefined }, "the server chose none of the offered subprotocols"],
  [{ "Sec-WebSocket-Protocol": "c" }, "the server chose a subprotocol that was not offered"],
  [{ "Sec-WebSocket-Protocol": "a, b" }, "the server chose a subprotocol that was not offered"],
  [{ "Sec-WebSocket-Extensions": "x" }, "the server chose an extension, and none was offered"],
  [{ "Sec-WebSocket-Extensions": "=;" }, "Sec-WebSocket-Extensions is malformed"],
  [{ "Content-Length": "5" }, "101 with Content-Length"],
  [{ "Content-Length": "" }, "101 with Content-Length"],
  [{ "Content-Length": "0, 5" }, "101 with Content-Length"],
  [{ "Transfer-Encoding": "chunked" }, "101 with Transfer-Encoding"],
  [{ "Transfer-Encoding": "identity" }, "101 with Transfer-Encoding"],
])("%o: %s", (changed, expected) => {
  expect(check(changed)).toBe(expected);
});

test("Content-Length: 0 announces no body", () => {
  expect(check({ "Content-Length": "0" })).toEqual({ protocol: "b", deflate: undefined, extensions: "" });
});

test("another version of HTTP, and a header that comes twice, are wrong", () => {
  expect(check({}, "1.0")).toBe("HTTP/1.0");
  expect(check({}, "1.1", ["Sec-WebSocket-Accept", acceptKey(key)])).toBe("Sec-WebSocket-Accept is wrong");
});
