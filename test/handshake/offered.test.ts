import { expect, test } from "vitest";
import { type HandshakeRules, isTooLarge, readOffered } from "../../src/handshake/offered.ts";
import { Refusal } from "../../src/handshake/refusal.ts";
import { originRule } from "../../src/handshake/rules/origin.ts";
import { HandshakeHeaders } from "../../src/handshake/rules/headers.ts";

const RULES: HandshakeRules = { originRule: originRule(undefined), addressRule: undefined, maxHeaderSize: 100 };

function message(url: string, ...rawHeaders: string[]): Parameters<typeof readOffered>[0] {
  return { httpVersion: "1.1", method: "GET", url, rawHeaders, socket: {} };
}

const read = (...raw: string[]): ReturnType<typeof readOffered> =>
  readOffered(message("/", ...raw), new HandshakeHeaders(raw), RULES, { params: { id: "7" }, context: "ours" });

test("it has the request with its details, and what the client offers", () => {
  const offered = read("Host", "a", "Sec-WebSocket-Protocol", "x, y", "Sec-WebSocket-Extensions", "foo; a=1");
  expect(offered).toMatchObject({
    request: { url: "/", params: { id: "7" }, context: "ours" },
    protocols: ["x", "y"],
    extensions: [{ name: "foo" }],
  });
});

test("an untidy list of extensions offers none", () => {
  expect(read("Host", "a", "Sec-WebSocket-Extensions", ";;")).toMatchObject({ extensions: [] });
});

test("a page of another origin is refused before its subprotocols are read", () => {
  const refusal = read("Host", "a", "Origin", "https://b", "Sec-WebSocket-Protocol", "x x");
  expect(refusal).toBeInstanceOf(Refusal);
  expect(refusal).toMatchObject({ status: 403 });
});

test("the target and the headers count together", () => {
  const raw = ["Host", "a"]; // 4 + 1 + 4 bytes
  const headers = new HandshakeHeaders(raw);
  expect(isTooLarge(message("x".repeat(91), ...raw), headers, RULES)).toBe(false);
  expect(isTooLarge(message("x".repeat(92), ...raw), headers, RULES)).toBe(true);
});
