import { OPCODE, clientFrame, opcodeOf, payload, serverFrame } from "./frames.ts";
import type { Format } from "./frames.ts";

/**
 * The protocol inside the frames:
 * - `plain`: none.
 * - `socket.io`: the packets of Socket.IO.
 * - `topic`: none. The server says `ready` when it has subscribed the connection.
 * - `header`: the same, and each message of the topic begins with a header line, which has its position.
 * - `recovery`: the packets of Socket.IO with connection state recovery: each has its offset as one more argument.
 */
export type Dialect = "plain" | "socket.io" | "topic" | "header" | "recovery";

/** Whether each answer has a position of its own. Then answers differ from each other. */
export function hasPositions(dialect: Dialect): boolean {
  return dialect === "header" || dialect === "recovery";
}

/** Whether a server speaks Socket.IO. */
function isSocketIo(dialect: Dialect): boolean {
  return dialect === "socket.io" || dialect === "recovery";
}

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
  const body = isSocketIo(dialect) ? socketIoEvent(size, format) : payload(size, format);
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
  if (isSocketIo(dialect)) return "/socket.io/?EIO=4&transport=websocket";
  return `${route}?size=${size}&format=${format}`;
}

/** The server has subscribed the connection. */
const READY: OpeningMessage = { expected: "ready" };

const SOCKET_IO: readonly OpeningMessage[] = [
  { expected: "0{", answer: clientFrame(OPCODE.text, Buffer.from("40")) },
  { expected: "40{" },
];

/** The opening messages. Socket.IO: the server's Engine.IO "open", our "connect", the server's "connect" with an id. */
export const OPENINGS: Readonly<Record<Dialect, readonly OpeningMessage[]>> = {
  plain: [],
  "socket.io": SOCKET_IO,
  recovery: SOCKET_IO,
  topic: [READY],
  header: [{ expected: "\x1es " }, READY],
};
