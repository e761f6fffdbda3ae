import { isUtf8 } from "node:buffer";

import type { WebSocketServerOptions } from "../../../src/hawser.ts";
import { InvariantError, holds } from "../../engine/target.ts";
import { type WireFrame, parseFrames } from "../../grammar/frames.ts";
import type { Client } from "./client.ts";
import { documented } from "./messages.ts";

/** Checks everything that happened to a client, after its connection has ended. */
export function checkClient(client: Client, options: WebSocketServerOptions, noneLost: boolean): void {
  const { handler, wire, ws } = client;
  if (handler.broken.length > 0) throw handler.broken[0];
  holds(wire.destroyed, "a stream is left open");
  const frames = framesOf(client);
  const complete = noneLost && handler.errors.length === 0;
  checkSent(client, messagesIn(frames), complete && !client.endedEarly);
  checkDelivered(client, options, complete && !handler.closedByUs);
  if (ws === undefined) return;
  holds(ws.status === "Closed", "a connection that has ended does not have the status Closed", ws.status);
  holds(!ws.send("late"), "send returns true on a closed connection");
  documented(() => ws.terminate(1000));
}

/** The frames that our side wrote after its answer to the handshake. They must follow RFC 6455. */
function framesOf({ wire }: Client): readonly WireFrame[] {
  const taken = Buffer.from(wire.taken);
  if (taken.length === 0) return [];
  const end = taken.indexOf("\r\n\r\n") + 4;
  const status = taken.toString("latin1", 0, 13);
  holds(end > 3 && /^HTTP\/1\.1 (101|503) $/.test(status), "the answer to the handshake is not sent first", status);
  if (status.includes("503")) return [];
  const { frames, rest } = parseFrames(taken.subarray(end));
  const last = frames.at(-1);
  const whole = rest.length === 0 && (last === undefined || last.claimed === BigInt(last.payload.length));
  holds(whole || !wire.ended, "the sent bytes end inside a frame");
  for (const frame of frames) checkFrame(frame);
  const closing = frames.findIndex(({ first }) => first === 0x88);
  const after = closing < 0 ? [] : frames.slice(closing + 1);
  // RFC 6455 5.5.1: no data after it. A ping is still answered.
  holds(
    after.every(({ first }) => first === 0x8a),
    "a frame other than a pong is sent after the close frame",
  );
  return whole ? frames : frames.slice(0, -1);
}

function checkFrame({ first, key, form, claimed, payload }: WireFrame): void {
  holds((first & 0x70) === 0, "a frame with reserved bits is sent", first);
  holds(key === undefined, "a masked frame is sent");
  holds([0, 1, 2, 8, 9, 10].includes(first & 15), "a frame with a reserved opcode is sent", first);
  holds(claimed >= (form === 8 ? 65_536n : form === 2 ? 126n : 0n), "a length that is not minimal is sent");
  if ((first & 8) === 0) return;
  holds(first > 0x7f && claimed < 126n, "a control frame that is too long or fragmented is sent", first);
  if (first !== 0x88) return;
  const code = payload.length < 2 ? 1000 : payload.readUInt16BE();
  holds(payload.length !== 1 && isUtf8(payload.subarray(2)), "a close frame with a bad body is sent");
  holds(
    (code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code)) || (code >= 3000 && code <= 4999),
    "a code that must not be sent is sent",
    code,
  );
}

/** Joins the fragments of each message. */
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

/** Every message on the wire was sent, in that order. If nothing failed, no message is missing. */
function checkSent({ sent }: Client, written: readonly (string | Buffer)[], complete: boolean): void {
  let at = 0;
  for (const message of written) {
    while (at < sent.length && !alike(sent[at], message)) at++;
    holds(at++ < sent.length, "a message on the wire was not sent, or is out of order");
  }
  holds(!complete || written.length === sent.length, "a message that was sent is lost", [written.length, sent.length]);
}

/** Every message that a handler gets was received, in that order. If nothing failed, no message is missing. */
function checkDelivered(client: Client, options: WebSocketServerOptions, complete: boolean): void {
  const { handler } = client;
  const calls = client.expectedCalls(options.maxMessageSize);
  const expected = calls.flatMap(([kind, body]) => {
    if (kind === "text") return decoded(Buffer.from(body), true, options);
    return kind === "binary" ? decoded(Buffer.from(body, "hex"), false, options) : [];
  });
  for (const [i, data] of handler.data.entries())
    if (!alike(expected[i], data))
      throw new InvariantError("a message is delivered that was not received like that", [expected[i], data]);
  holds(!complete || handler.data.length === expected.length, "a received message is not delivered", [
    handler.data.length,
    expected.length,
  ]);
}

/** The data that a message is delivered as. The list is empty if the message is not delivered. */
function decoded(body: Buffer, isText: boolean, { dataType }: WebSocketServerOptions): unknown[] {
  if (dataType === "blob" || (dataType === "auto" && !isText)) return [body];
  if (dataType !== "object") return [body.toString()];
  try {
    return [JSON.parse(body.toString(), withoutPrototypes) as unknown];
  } catch {
    return [];
  }
}

/** A reviver for `JSON.parse`: it removes the keys through which a prototype can be reached. */
function withoutPrototypes(key: string, value: unknown): unknown {
  const reachesPrototype = typeof value === "object" && value !== null && Object.hasOwn(value, "prototype");
  return key === "__proto__" || (key === "constructor" && reachesPrototype) ? undefined : value;
}

function alike(a: unknown, b: unknown): boolean {
  if (Buffer.isBuffer(a) && Buffer.isBuffer(b)) return a.equals(b);
  return a === b || (typeof a === "object" && JSON.stringify(a) === JSON.stringify(b));
}
