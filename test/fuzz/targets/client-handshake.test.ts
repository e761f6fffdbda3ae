import { expect, test } from "vitest";
import {
  ACCEPT,
  type Offer,
  acceptOf,
  checkAnswer,
  checkTunnel,
} from "../../../fuzz/targets/client-handshake/oracle.ts";
import type { DialedServer } from "../../../src/client/node/node-dialer.ts";

const offer: Offer & { readonly accept: string } = {
  protocols: [],
  compresses: false,
  maxHeaderSize: 1_024,
  accept: ACCEPT,
};

const good = [
  "HTTP/1.1 101 Switching Protocols",
  "Upgrade: websocket",
  "Connection: Upgrade",
  `Sec-WebSocket-Accept: ${ACCEPT}`,
  "",
  "",
].join("\r\n");

function check(text: string, dialed: Partial<DialedServer> = {}, other: Partial<Offer> = {}): void {
  const accepted = { protocol: undefined, deflate: undefined, head: Buffer.alloc(0), ...dialed } as DialedServer;
  checkAnswer(Buffer.from(text, "latin1"), { ...offer, ...other }, accepted);
}

test("the value of the RFC's example", () => {
  expect(acceptOf("GET / HTTP/1.1\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")).toBe(ACCEPT);
});

test("right answers", () => {
  expect(() => {
    check(good);
    check(`HTTP/1.1 103 Early\r\nA: b\r\n\r\n${good}rest`, { head: Buffer.from("re") });
    const chosen = good.replace("Upgrade: w", "Sec-WebSocket-Protocol: a\r\nUpgrade: w");
    check(chosen, { protocol: "a" }, { protocols: ["a"] });
  }).not.toThrow();
});

test.each<[string, string, Partial<DialedServer>, Partial<Offer>]>([
  ["200", good.replace("101", "200"), {}, {}],
  ["HTTP/1.0", good.replace("1.1", "1.0"), {}, {}],
  ["no end", good.slice(0, -2), {}, {}],
  ["no Upgrade", good.replace("Upgrade: websocket\r\n", ""), {}, {}],
  ["another Connection", good.replace("Connection: Upgrade", "Connection: close"), {}, {}],
  ["another accept", good.replace(ACCEPT, "AAAA"), {}, {}],
  ["accept twice", good.replace("Upgrade: w", `Sec-WebSocket-Accept: ${ACCEPT}\r\nUpgrade: w`), {}, {}],
  ["a subprotocol", good.replace("Upgrade: w", "Sec-WebSocket-Protocol: a\r\nUpgrade: w"), { protocol: "a" }, {}],
  ["no subprotocol", good, {}, { protocols: ["a"] }],
  ["an extension", good.replace("Upgrade: w", "Sec-WebSocket-Extensions: a\r\nUpgrade: w"), {}, {}],
  ["too large", good, {}, { maxHeaderSize: 64 }],
  ["lost bytes", `${good}abc`, { head: Buffer.from("bc") }, {}],
])("a wrong answer that was accepted is found: %s", (_what, text, dialed, other) => {
  expect(() => check(text, dialed, other)).toThrow();
});

test("a proxy's answer", () => {
  expect(() => checkTunnel(Buffer.from("HTTP/1.0 200 OK\r\n\r\n"), offer)).not.toThrow();
  expect(() => checkTunnel(Buffer.from("HTTP/1.1 407 No\r\n\r\n"), offer)).toThrow();
  expect(() => checkTunnel(Buffer.from("HTTP/1.1 200 OK\r\n\r\n"), { ...offer, maxHeaderSize: 8 })).toThrow();
});
