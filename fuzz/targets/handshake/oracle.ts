import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";

import { holds } from "../../engine/target.ts";
import { type Response, valueOf } from "./responses.ts";

/** Whether a request may be accepted: a second, simple implementation of RFC 6455 4.2.1, independent of src/. */
export function isAcceptable(message: IncomingMessage, path: string | undefined): boolean {
  const { method, httpVersion, url = "", rawHeaders } = message;
  const all = (name: string): string[] =>
    rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]?.toLowerCase() === name);
  const list = (name: string): string[] =>
    all(name).flatMap((value) => value.split(",").map((one) => one.trim().toLowerCase()));
  const [key = ""] = all("sec-websocket-key");
  const target = /^(?:(?:https?|wss?):\/\/[^/?#]+)?(\/[^?#]*)?(?:\?[^#]*)?$/i.exec(url);
  return (
    method === "GET" &&
    httpVersion === "1.1" &&
    target !== null &&
    url !== "" &&
    (path === undefined || (target[1] ?? "/") === path) &&
    all("host").length === 1 &&
    list("upgrade").includes("websocket") &&
    list("connection").includes("upgrade") &&
    all("sec-websocket-version").join() === "13" &&
    all("sec-websocket-key").length === 1 &&
    Buffer.from(key, "base64").length === 16 &&
    /^[A-Za-z0-9+/]{22}==$/.test(key) &&
    all("transfer-encoding").length === 0 &&
    all("content-length").every((length) => length === "0")
  );
}

/** Compares a 101 response with its request (RFC 6455 4.2.2). */
export function checkAccepted(
  response: Response,
  message: IncomingMessage | undefined,
  path: string | undefined,
): void {
  holds(
    message !== undefined && isAcceptable(message, path),
    "a request is accepted that must not be",
    message?.rawHeaders,
  );
  const key = message.headers["sec-websocket-key"] ?? "";
  const expected = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  holds(valueOf(response, "sec-websocket-accept") === expected, "Sec-WebSocket-Accept is wrong", response.fields);
  holds(valueOf(response, "upgrade")?.toLowerCase() === "websocket", "a 101 response without Upgrade", response.fields);
  holds(
    valueOf(response, "connection")?.toLowerCase() === "upgrade",
    "a 101 response without Connection",
    response.fields,
  );
  holds(
    valueOf(response, "sec-websocket-extensions") === undefined,
    "an extension is selected that is not implemented",
  );
  const chosen = response.fields.filter(([name]) => name === "sec-websocket-protocol").map(([, value]) => value);
  const offered = (message.headers["sec-websocket-protocol"] ?? "").split(",").map((one) => one.trim());
  holds(
    chosen.length < 2 && chosen.every((one) => offered.includes(one)),
    "a subprotocol is selected that was not offered",
    chosen,
  );
}

/** Checks that a refusal is as documented. */
export function checkRefused(response: Response, allowed: ReadonlySet<number>): void {
  const { status } = response;
  holds(allowed.has(status), `a request is refused with ${String(status)}`, response.fields);
  const connection = valueOf(response, "connection") ?? "";
  holds(/(?:^|, )close$/i.test(connection), "a response does not say that the connection closes", response.fields);
  // RFC 6455 4.4, RFC 9110 15.5.22 and 15.5.6.
  if (status === 426) {
    holds(
      valueOf(response, "upgrade") === "websocket" && valueOf(response, "sec-websocket-version") === "13",
      "a 426 does not list the supported versions",
    );
    holds(connection.includes("Upgrade"), "a 426 does not name Upgrade in Connection", connection);
  }
  holds(status !== 405 || valueOf(response, "allow") === "GET", "a 405 does not list the allowed methods");
}
