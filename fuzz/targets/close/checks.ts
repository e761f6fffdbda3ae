import { isUtf8 } from "node:buffer";

import type { WebSocketServerOptions } from "../../../src/hawser.ts";
import { Broken, holds } from "../../engine/target.ts";
import { type WireFrame, parseFrames } from "../../grammar/frames.ts";
import type { Client } from "./client.ts";
import { documented } from "./messages.ts";

/** What a client's whole life must have been like, now that it is over. */
export function checkClient(client: Client, options: WebSocketServerOptions, calm: boolean): void {
  const { handler, wire, ws } = client;
  if (handler.broken.length > 0) throw handler.broken[0];
  holds(wire.destroyed, "a stream is left open");
  const frames = framesOf(client);
  const undisturbed = calm && handler.errors.length === 0;
  checkSent(client, messagesIn(frames), undisturbed && !client.endedEarly);
  checkDelivered(client, options, undisturbed && !handler.deaf);
  if (ws === undefined) return;
  holds(ws.status === "Closed", "a connection that is over has another status than Closed", ws.status);
  holds(!ws.send("late"), "send on a connection that is closed says that there is room");
  documented(() => ws.terminate(1000));
}

/** What our end wrote behind its answer to the handshake, which must be frames as RFC 6455 has them. */
function framesOf({ wire }: Client): readonly WireFrame[] {
  const taken = Buffer.from(wire.taken);
  if (taken.length === 0) return [];
  const end = taken.indexOf("\r\n\r\n") + 4;
  const status = taken.toString("latin1", 0, 13);
  holds(end > 3 && /^HTTP\/1\.1 (101|503) $/.test(status), "the answer to the handshake is not first", status);
  if (status.includes("503")) return [];
  const { frames, rest } = parseFrames(taken.subarray(end));
  const last = frames.at(-1);
  const whole = rest.length === 0 && (last === undefined || last.claimed === BigInt(last.payload.length));
  holds(whole || !wire.ended, "what was sent ends inside a frame");
  for (const frame of frames) checkFrame(frame);
  const closing = frames.findIndex(({ first }) => first === 0x88);
  const behind = closing < 0 ? [] : frames.slice(closing + 1);
  // RFC 6455 5.5.1: no data behind it; a ping is still answered.
  holds(
    behind.every(({ first }) => first === 0x8a),
    "something is sent behind the close frame",
  );
  return whole ? frames : frames.slice(0, -1);
}

function checkFrame({ first, key, form, claimed, payload }: WireFrame): void {
  holds((first & 0x70) === 0, "a frame with reserved bits is sent", first);
  holds(key === undefined, "a masked frame is sent");
  holds([0, 1, 2, 8, 9, 10].includes(first & 15), "a frame with a reserved opcode is sent", first);
  holds(claimed >= (form === 8 ? 65_536n : form === 2 ? 126n : 0n), "a length that is not minimal is sent");
  if ((first & 8) === 0) return;
  holds(first > 0x7f && claimed < 126n, "a control frame that is long or in fragments is sent", first);
  if (first !== 0x88) return;
  const code = payload.length < 2 ? 1000 : payload.readUInt16BE();
  holds(payload.length !== 1 && isUtf8(payload.subarray(2)), "a close frame with a bad body is sent");
  holds(
    (code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code)) || (code >= 3000 && code <= 4999),
    "a code that must not be sent is sent",
    code,
  );
}

/** Puts the fragments of messages together. */
function messagesIn(frames: readonly WireFrame[]): (string | Buffer)[] {
  const messages: (string | Buffer)[] = [];
  let parts: Buffer[] | undefined;
  let isText = false;
  for (const { first, payload } of frames) {
    if ((first & 8) !== 0) continue;
    holds(((first & 15) === 0) === (parts !== undefined), "fragments are sent in a wrong order");
    if ((first & 15) !== 0) isText = (first & 15) === 1;
    (parts ??= []).push(payload);
    if (first < 0x80) continue;
    const whole = Buffer.concat(parts);
    holds(!isText || isUtf8(whole), "a text that is not UTF-8 is sent");
    messages.push(isText ? whole.toString() : whole);
    parts = undefined;
  }
  return messages;
}

/** What is on the wire was sent, in that order; where nothing went wrong, all of it is there. */
function checkSent({ sent }: Client, written: readonly (string | Buffer)[], complete: boolean): void {
  let at = 0;
  for (const message of written) {
    while (at < sent.length && !alike(sent[at], message)) at++;
    holds(at++ < sent.length, "what is on the wire was not sent, or in another order");
  }
  holds(!complete || written.length === sent.length, "what was sent is lost", [written.length, sent.length]);
}

/** What a handler gets is what came, in that order; where nothing went wrong, all of it. */
function checkDelivered(client: Client, options: WebSocketServerOptions, complete: boolean): void {
  const { handler } = client;
  const calls = client.heard(options.maxMessageSize);
  const expected = calls.flatMap(([kind, body]) => {
    if (kind === "text") return decoded(Buffer.from(body), true, options);
    return kind === "binary" ? decoded(Buffer.from(body, "hex"), false, options) : [];
  });
  for (const [i, data] of handler.data.entries())
    if (!alike(expected[i], data)) throw new Broken("a message is delivered that did not come so", [expected[i], data]);
  holds(!complete || handler.data.length === expected.length, "a message that came is not delivered", [
    handler.data.length,
    expected.length,
  ]);
}

/** What a message is handed over as: one thing, or nothing. */
function decoded(body: Buffer, isText: boolean, { dataType }: WebSocketServerOptions): unknown[] {
  if (dataType === "blob" || (dataType === "auto" && !isText)) return [body];
  if (dataType !== "object") return [body.toString()];
  try {
    return [JSON.parse(body.toString(), harmless) as unknown];
  } catch {
    return [];
  }
}

/** What a handler is given has no key through which a prototype is reached. */
function harmless(key: string, value: unknown): unknown {
  const reaches = typeof value === "object" && value !== null && Object.hasOwn(value, "prototype");
  return key === "__proto__" || (key === "constructor" && reaches) ? undefined : value;
}

function alike(a: unknown, b: unknown): boolean {
  if (Buffer.isBuffer(a) && Buffer.isBuffer(b)) return a.equals(b);
  return a === b || (typeof a === "object" && JSON.stringify(a) === JSON.stringify(b));
}
