import { createHash } from "node:crypto";

import type { DialedServer } from "../../../src/client/node/node-dialer.ts";
import { holds } from "../../engine/target.ts";

/** Stands in an input for the right value of `Sec-WebSocket-Accept`: the key is another one each time. */
export const ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/** What a client has offered, and its limit. */
export interface Offer {
  readonly protocols: readonly string[];
  readonly compresses: boolean;
  readonly maxHeaderSize: number;
}

/** The right value of `Sec-WebSocket-Accept` for a request (RFC 6455 4.2.2). */
export function acceptOf(request: string): string {
  const key = /^Sec-WebSocket-Key: (.*)\r$/im.exec(request)?.[1] ?? "";
  return createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
}

/** An answer that is no 1xx, and where its head ends. */
interface Answer {
  readonly line: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly end: number;
}

/** The last answer in the bytes, read in the simplest way. */
function lastAnswer(text: string): Answer {
  let at = 0;
  for (;;) {
    // Node passes over line breaks before an answer.
    while (text[at] === "\r" || text[at] === "\n") at++;
    const end = text.indexOf("\r\n\r\n", at);
    holds(end >= 0, "a dial succeeds before the end of an answer");
    const [line = "", ...lines] = text.slice(at, end).split("\r\n");
    at = end + 4;
    if (/^HTTP\/\d\.\d 1(?!01)/.test(line)) continue;
    const fields = lines.map((one) => {
      const colon = one.indexOf(":");
      return [one.slice(0, colon).toLowerCase(), one.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, "")] as const;
    });
    return { line, fields, end: at };
  }
}

/** Checks that an answer that was accepted is right (RFC 6455 4.1, the client's requirements). */
export function checkAnswer(bytes: Buffer, offer: Offer & { readonly accept: string }, dialed: DialedServer): void {
  const { line, fields, end } = lastAnswer(bytes.toString("latin1"));
  const values = (name: string): string[] => fields.filter(([one]) => one === name).map(([, value]) => value);
  holds(/^HTTP\/1\.1 101(?: |$)/.test(line), "another status is accepted", line);
  const [upgrade, ...upgrades] = values("upgrade");
  holds(upgrade?.toLowerCase() === "websocket" && upgrades.length === 0, "another Upgrade is accepted", upgrade);
  const connection = values("connection");
  const tokens = connection.flatMap((one) => one.toLowerCase().split(/[ \t]*,[ \t]*/));
  holds(connection.length === 1 && tokens.includes("upgrade"), "another Connection is accepted", connection);
  const accepts = values("sec-websocket-accept");
  holds(accepts.length === 1 && accepts[0] === offer.accept, "another Sec-WebSocket-Accept is accepted", accepts);
  const protocols = values("sec-websocket-protocol");
  const isOffered =
    offer.protocols.length === 0 ? protocols.length === 0 : offer.protocols.includes(protocols[0] ?? "");
  holds(isOffered && protocols.length <= 1, "a subprotocol is accepted that was not offered", protocols);
  holds(dialed.protocol === protocols[0], "the client has another subprotocol", dialed.protocol);
  const extensions = values("sec-websocket-extensions").filter((one) => one.replace(/[\s,]/g, "") !== "");
  holds(offer.compresses || extensions.length === 0, "an extension is accepted that was not offered", extensions);
  holds((dialed.deflate !== undefined) === extensions.length > 0, "an extension is accepted, and not used", extensions);
  holds(end <= offer.maxHeaderSize + 4, "an answer is accepted that is too large", end);
  const head = Buffer.from(dialed.head);
  holds(bytes.subarray(end, end + head.length).equals(head), "the first bytes after an answer are lost");
}

/** Checks that the answer of a proxy that was taken is right (RFC 9110 9.3.6). */
export function checkTunnel(bytes: Buffer, { maxHeaderSize }: Offer): void {
  const { line, end } = lastAnswer(bytes.toString("latin1"));
  holds(/^HTTP\/1\.[01] 2\d\d(?: |$)/.test(line), "another answer of a proxy is taken", line);
  holds(end <= maxHeaderSize + 4, "an answer of a proxy is taken that is too large", end);
}
