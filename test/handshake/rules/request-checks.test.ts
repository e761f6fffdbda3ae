import { describe, expect, test } from "vitest";
import type { Refusal } from "../../../src/handshake/refusal.ts";
import type { ConnectionRequest } from "../../../src/handshake/request.ts";
import { readExtensions } from "../../../src/handshake/rules/extensions.ts";
import { HandshakeHeaders } from "../../../src/handshake/rules/headers.ts";
import { mayConnectFrom, originRule } from "../../../src/handshake/rules/origin.ts";
import {
  type HandshakeRequest,
  checkAuthority,
  checkHttpVersion,
  checkKey,
  checkMethod,
  checkNoBody,
  checkProtocolVersion,
  checkTarget,
  checkTargetCharacters,
  checkUpgrade,
} from "../../../src/handshake/rules/request-checks.ts";
import { readSubprotocols } from "../../../src/handshake/rules/subprotocol.ts";
import { connectionRequest } from "../../support/connection-request.ts";

/** An opening handshake over HTTP/1.1, with replaced parts. */
function http1(own: Partial<HandshakeRequest> = {}, ...headers: readonly string[]): HandshakeRequest {
  return {
    httpVersion: "1.1",
    method: "GET",
    target: "/chat",
    authority: "example.com",
    headers: new HandshakeHeaders(headers),
    ...own,
  };
}

describe("each rule over HTTP/1.1", () => {
  test.each([
    ["the method", checkMethod, http1(), http1({ method: "POST" }), 405],
    ["the version of HTTP", checkHttpVersion, http1(), http1({ httpVersion: "1.0" }), 400],
    ["the target", checkTarget, http1(), http1({ target: "*" }), 400],
    ["the target's characters", checkTargetCharacters, http1(), http1({ target: "/\xe0" }), 400],
    ["the host", checkAuthority, http1(), http1({ authority: undefined }), 400],
    ["Upgrade", checkUpgrade, http1({}, "Upgrade", "websocket", "Connection", "upgrade"), http1(), 426],
    [
      "Connection",
      checkUpgrade,
      http1({}, "Upgrade", "websocket", "Connection", "upgrade"),
      http1({}, "Upgrade", "websocket"),
      400,
    ],
    ["a body", checkNoBody, http1({}, "Content-Length", "0"), http1({}, "Content-Length", "1"), 400],
    ["a body in chunks", checkNoBody, http1(), http1({}, "Transfer-Encoding", "chunked"), 400],
    ["the protocol's version", checkProtocolVersion, http1({}, "Sec-WebSocket-Version", "13"), http1(), 426],
    [
      "the key",
      checkKey,
      http1({}, "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
      http1({}, "Sec-WebSocket-Key", "x"),
      400,
    ],
  ] as [string, (request: HandshakeRequest) => Refusal | undefined, HandshakeRequest, HandshakeRequest, number][])(
    "%s is checked",
    (_name, check, valid, invalid, status) => {
      expect(check(valid)).toBeUndefined();
      expect(check(invalid)?.status).toBe(status);
    },
  );
});

/** The headers of an extended CONNECT (RFC 8441 5), as Node's HTTP/2 hands them over. */
const CONNECT = {
  ":method": "CONNECT",
  ":protocol": "websocket",
  ":scheme": "https",
  ":authority": "example.com:8443",
  ":path": "/chat?topic=1",
  "sec-websocket-version": "13",
  "sec-websocket-protocol": "v2.chat, v1.chat",
  "sec-websocket-extensions": "permessage-deflate; client_max_window_bits",
  origin: "https://example.com:8443",
} as const;

/** The adapted request of HTTP/2: `:authority` is the host, and there is no Upgrade, Connection or key. */
function http2(own: Readonly<Record<string, string>> = {}): { fields: HandshakeRequest; request: ConnectionRequest } {
  const all: Readonly<Record<string, string>> = { ...CONNECT, ...own };
  const headers = new HandshakeHeaders(Object.entries(all).flat());
  const authority = all[":authority"];
  const target = all[":path"] ?? "";
  const fields = { httpVersion: "2.0", method: all[":method"], target, authority, headers };
  const request = connectionRequest({ headers: { ...all, host: authority ?? "" }, url: target });
  return { fields, request };
}

/** The rules that HTTP/2 shares with HTTP/1.1. */
function checkShared(fields: HandshakeRequest): Refusal | undefined {
  return checkTarget(fields) ?? checkAuthority(fields) ?? checkNoBody(fields) ?? checkProtocolVersion(fields);
}

describe("the same rules over HTTP/2", () => {
  test("a valid request passes without Upgrade, Connection and key", () => {
    expect(checkShared(http2().fields)).toBeUndefined();
  });

  test("the origin is compared with :authority", () => {
    const { fields, request } = http2();
    const rule = originRule("same");
    expect(mayConnectFrom(fields.headers.list("origin"), request, rule)).toBe(true);
    expect(mayConnectFrom("https://example.com", request, rule)).toBe(false);
    expect(mayConnectFrom(undefined, request, rule)).toBe(true);
  });

  test("subprotocols and extensions are read", () => {
    const { headers } = http2().fields;
    expect(readSubprotocols(headers.list("sec-websocket-protocol"))).toEqual(["v2.chat", "v1.chat"]);
    expect(readExtensions(headers.list("sec-websocket-extensions"))).toEqual([
      { name: "permessage-deflate", parameters: [["client_max_window_bits", true]] },
    ]);
  });

  test.each([
    ["a target that is not a path", { ":path": "*" }, 400],
    ["another version", { "sec-websocket-version": "8" }, 426],
    ["a body", { "content-length": "5" }, 400],
  ])("%s is refused", (_name, own, status) => {
    expect(checkShared(http2(own).fields)?.status).toBe(status);
  });
});
