import { OPCODE, clientFrame, opcodeOf, payload, serverFrame } from "./frames.ts";
import type { Format } from "./frames.ts";

/** The protocol inside the frames: none, or the packets of Socket.IO. */
export type Dialect = "plain" | "socket.io";

/** The frames of a run. */
export interface Exchange {
  /** One message, masked, as a client sends it. */
  readonly request: Buffer;
  /** The frame that the server must send back. */
  readonly reply: Buffer;
}

/**
 * The message of a run in the dialect of a server.
 *
 * @returns the frame to send and the frame to expect
 */
export function exchangeOf(dialect: Dialect, size: number, format: Format): Exchange {
  const body = dialect === "plain" ? payload(size, format) : socketIoEvent(size, format);
  const opcode = opcodeOf(format);
  return { request: clientFrame(opcode, body), reply: serverFrame(opcode, body) };
}

/** Engine.IO message 4, Socket.IO event 2, an event named "m" with one argument. */
function socketIoEvent(size: number, format: Format): Buffer {
  if (format === "binary") throw new RangeError("Socket.IO sends a binary message as two frames: not measured here");
  const text = payload(size, format).toString();
  return Buffer.from(`42["m",${format === "json" ? text : JSON.stringify(text)}]`);
}

/** A message of the server after the HTTP response, before the connection counts as open. */
export interface OpeningMessage {
  /** The text at the start of the server's frame. */
  readonly expected: string;
  /** The frame to answer with, if any. */
  readonly answer?: Buffer;
}

/** The request target for a route such as `/echo`. The query has the size and the format of the answers for `floor`. */
export function targetOf(dialect: Dialect, route: string, size: number, format: Format): string {
  if (dialect === "socket.io") return "/socket.io/?EIO=4&transport=websocket";
  return `${route}?size=${size}&format=${format}`;
}

/** The opening messages. Socket.IO: the server's Engine.IO "open", our "connect", the server's "connect" with an id. */
export const OPENINGS: Readonly<Record<Dialect, readonly OpeningMessage[]>> = {
  plain: [],
  "socket.io": [{ expected: "0{", answer: clientFrame(OPCODE.text, Buffer.from("40")) }, { expected: "40{" }],
};
