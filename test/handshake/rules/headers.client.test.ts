import { describe, expect, test } from "vitest";
import { readExtensions } from "../../../src/handshake/rules/extensions.ts";
import type { Extension } from "../../../src/protocol/extension.ts";
import { HandshakeHeaders } from "../../../src/handshake/rules/headers.ts";
import { acceptKey } from "../../../src/handshake/rules/key.ts";
import { hasToken } from "../../../src/handshake/rules/tokens.ts";

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const OFFERED = ["v2.chat", "v1.chat"];

/** What a client checks of a server's answer (RFC 6455 4.1), with the same rules as a server. */
function agreed(raw: readonly string[]): { protocol: string | undefined; extensions: readonly Extension[] } | string {
  const headers = new HandshakeHeaders(raw);
  if (!hasToken(headers.list("upgrade"), "websocket")) return "Upgrade";
  if (!hasToken(headers.list("connection"), "upgrade")) return "Connection";
  if (headers.single("sec-websocket-accept") !== acceptKey(KEY)) return "Sec-WebSocket-Accept";
  const protocol = headers.single("sec-websocket-protocol");
  if (headers.list("sec-websocket-protocol") !== protocol) return "Sec-WebSocket-Protocol";
  if (protocol !== undefined && !OFFERED.includes(protocol)) return "Sec-WebSocket-Protocol";
  const extensions = readExtensions(headers.list("sec-websocket-extensions"));
  return extensions === undefined ? "Sec-WebSocket-Extensions" : { protocol, extensions };
}

const ANSWER = {
  Upgrade: "WebSocket",
  Connection: "Upgrade",
  "Sec-WebSocket-Accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
} as const;

function answer(own: Readonly<Record<string, string>> = {}): string[] {
  return Object.entries({ ...ANSWER, ...own }).flat();
}

describe("a client reads a server's answer with the same rules", () => {
  test("a plain answer agrees to nothing", () => {
    expect(agreed(answer())).toEqual({ protocol: undefined, extensions: [] });
  });

  test("the subprotocol and the extensions are what the server chose", () => {
    const own = { "Sec-WebSocket-Protocol": "v1.chat", "Sec-WebSocket-Extensions": "permessage-deflate; a=8" };
    expect(agreed(answer(own))).toEqual({
      protocol: "v1.chat",
      extensions: [{ name: "permessage-deflate", parameters: [["a", "8"]] }],
    });
  });

  test.each([
    ["Upgrade", { Upgrade: "h2c" }],
    ["Connection", { Connection: "close" }],
    ["Sec-WebSocket-Accept", { "Sec-WebSocket-Accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOO=" }],
    ["Sec-WebSocket-Protocol", { "Sec-WebSocket-Protocol": "v3.chat" }],
    ["Sec-WebSocket-Extensions", { "Sec-WebSocket-Extensions": "a;" }],
  ])("a wrong %s fails the handshake", (name, own) => {
    expect(agreed(answer(own))).toBe(name);
  });

  test("two subprotocols fail it, and so do two accept keys", () => {
    expect(agreed([...answer(), "Sec-WebSocket-Protocol", "v1.chat", "Sec-WebSocket-Protocol", "v2.chat"])).toBe(
      "Sec-WebSocket-Protocol",
    );
    expect(agreed([...answer(), "Sec-WebSocket-Accept", ANSWER["Sec-WebSocket-Accept"]])).toBe("Sec-WebSocket-Accept");
  });
});
