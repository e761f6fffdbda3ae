import type { IncomingMessage } from "node:http";
import { describe, expect, test } from "vitest";
import { checkAccepted, checkRefused, isAcceptable } from "../../../fuzz/targets/handshake/oracle.ts";
import type { Response } from "../../../fuzz/targets/handshake/responses.ts";

const FIELDS: Readonly<Record<string, string>> = {
  Host: "a",
  Upgrade: "websocket",
  Connection: "Upgrade",
  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Version": "13",
  "Sec-WebSocket-Protocol": "chat, superchat",
};

/** A request as Node has it. */
function message(
  change: Readonly<Record<string, string | undefined>> = {},
  first: Partial<IncomingMessage> = {},
): IncomingMessage {
  const fields = Object.entries({ ...FIELDS, ...change }).filter(
    (one): one is [string, string] => one[1] !== undefined,
  );
  const headers = Object.fromEntries(fields.map(([name, value]) => [name.toLowerCase(), value]));
  const made: unknown = {
    method: "GET",
    httpVersion: "1.1",
    url: "/",
    rawHeaders: fields.flat(),
    headers,
    ...first,
  };
  return made as IncomingMessage;
}

describe("a request may be accepted", () => {
  test("that follows RFC 6455 4.2.1", () => {
    expect(isAcceptable(message(), undefined)).toBe(true);
    expect(isAcceptable(message({}, { url: "http://a/chat?x" }), "/chat")).toBe(true);
  });

  test.each([
    ["POST", {}, { method: "POST" }],
    ["HTTP/1.0", {}, { httpVersion: "1.0" }],
    ["a target that is not a path", {}, { url: "*" }],
    ["a fragment", {}, { url: "/#a" }],
    ["no Host", { Host: undefined }, {}],
    ["two Hosts", { host: "b" }, {}],
    ["no Upgrade", { Upgrade: undefined }, {}],
    ["another Connection", { Connection: "close" }, {}],
    ["version 8", { "Sec-WebSocket-Version": "8" }, {}],
    ["a short key", { "Sec-WebSocket-Key": "c2hvcnQ=" }, {}],
    ["a body", { "Content-Length": "5" }, {}],
    ["chunks", { "Transfer-Encoding": "chunked" }, {}],
  ])("but not with %s", (_what, change, first) => {
    expect(isAcceptable(message(change, first), undefined)).toBe(false);
  });

  test("but not at another path", () => {
    expect(isAcceptable(message(), "/chat")).toBe(false);
  });
});

const ACCEPTED: Response = {
  status: 101,
  fields: [
    ["upgrade", "websocket"],
    ["connection", "Upgrade"],
    ["sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="],
    ["sec-websocket-protocol", "chat"],
  ],
  body: Buffer.alloc(0),
};

/** The response with another value for a header. */
function withField(name: string, value: string): Response {
  return { ...ACCEPTED, fields: [...ACCEPTED.fields.filter(([one]) => one !== name), [name, value]] };
}

describe("a 101", () => {
  test("with the accept value of RFC 6455 1.3 is right", () => {
    expect(() => checkAccepted(ACCEPTED, message(), undefined)).not.toThrow();
  });

  test.each([
    ["sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOO=", /Accept is wrong/],
    ["upgrade", "h2c", /without Upgrade/],
    ["connection", "close", /without Connection/],
    ["sec-websocket-protocol", "other", /not offered/],
    ["sec-websocket-extensions", "permessage-deflate", /not implemented/],
  ])("with another %s is wrong", (name, value, why) => {
    expect(() => checkAccepted(withField(name, value), message(), undefined)).toThrow(why);
  });

  test("to a request that must not be accepted is wrong", () => {
    expect(() => checkAccepted(ACCEPTED, message({ Host: undefined }), undefined)).toThrow(/must not be/);
    expect(() => checkAccepted(ACCEPTED, undefined, undefined)).toThrow(/must not be/);
  });
});

describe("a refusal", () => {
  const refused = (status: number, ...fields: readonly (readonly [string, string])[]): Response => ({
    status,
    fields,
    body: Buffer.alloc(0),
  });
  const allowed = new Set([400, 405, 426]);
  const close = ["connection", "close"] as const;

  test("with a documented status, and all that belongs to it, is right", () => {
    const upgrade = refused(
      426,
      ["connection", "Upgrade, close"],
      ["upgrade", "websocket"],
      ["sec-websocket-version", "13"],
    );
    for (const one of [refused(400, close), refused(405, close, ["allow", "GET"]), upgrade])
      expect(() => checkRefused(one, allowed)).not.toThrow();
  });

  test.each([
    ["another status", refused(404, close), /refused with 404/],
    ["keep-alive", refused(400, ["connection", "keep-alive"]), /does not say that the connection closes/],
    ["426 without Upgrade", refused(426, close), /does not list the supported versions/],
    ["405 without Allow", refused(405, close), /does not list the allowed methods/],
  ])("with %s is wrong", (_what, response, why) => {
    expect(() => checkRefused(response, allowed)).toThrow(why);
  });
});
