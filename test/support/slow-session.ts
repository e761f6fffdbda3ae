import {
  type ConnectionLimitCounters,
  connectionLimitNames,
  zeroCounters,
} from "../../src/connection/counters/limit-counters.ts";
import type { SendResult } from "../../src/connection/sending/send-result.ts";
import { utf8 } from "./bytes.ts";
import { type React, Session, type SessionOptions } from "./session.ts";
import { Wire, turns } from "./wire.ts";
import { outgoing } from "./outgoing.ts";
import { SharedMessage } from "../../src/connection/sending/shared-message.ts";

/** The message in the stream of a slow peer: with its frame's header, `FIRST_SIZE` bytes. */
export const FIRST = "first";

/** Bytes of the frame of `FIRST`. */
export const FIRST_SIZE = 7;

/** A session with a peer that has stopped reading: its stream is full with one message. */
export interface Slow extends Session {
  /** How often each limit was reached. */
  readonly limitCounters: ConnectionLimitCounters;
}

/**
 * Makes a session and has its peer stop reading.
 *
 * @param options - Of the session. `stream`: one that is full with one byte, if it is not given.
 * @param react - What its handler does.
 */
export async function slowPeer(options: SessionOptions = {}, react: React = {}): Promise<Slow> {
  const limitCounters = zeroCounters(connectionLimitNames);
  const session = new Session(react, { stream: new Wire({ highWaterMark: 1 }), limitCounters, ...options });
  await turns(1);
  session.stream.stick();
  session.connection.send(outgoing(FIRST));
  await turns(1);
  return Object.assign(session, { limitCounters });
}

/** The peer reads again, until everything has come. */
export async function flow({ stream }: Session): Promise<void> {
  stream.flow();
  await turns();
}

/** A way of sending a text. */
export type Way = (session: Session, text: string, key?: string) => SendResult;

/** All ways of sending a text, each with its name. Their effects must be the same. */
export const ways: readonly (readonly [name: string, way: Way])[] = [
  ["send", ({ connection }, text, key) => connection.send(outgoing(text, key))],
  ["sendShared", ({ connection }, text, key) => connection.send(new SharedMessage(outgoing(text, key)))],
  ["send of bytes", ({ connection }, text, key) => connection.send(outgoing(utf8(text), key))],
];

/** What has come, in a short form: messages as texts, control frames with their kind. */
export function came(session: Session): string[] {
  return session.sent.map(([kind, payload]) => {
    if (kind === "binary") return Buffer.from(payload, "hex").toString();
    return kind === "text" ? payload : `${kind} ${payload}`;
  });
}

/**
 * Adds onDrain to the handler of a session. Its calls are recorded with the others.
 *
 * @param session - The session.
 * @param react - What else onDrain does.
 */
export function recordDrains(session: Session, react: () => unknown = () => undefined): void {
  const handler = session.connection.dispatcher.handler as { onDrain?: (ws: unknown, event: object) => unknown };
  handler.onDrain = (_ws, event) => {
    session.calls.push(["drain", event]);
    return react();
  };
}
