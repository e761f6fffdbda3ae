import { OPCODE, clientFrame, opcodeOf, payload, serverFrame } from "./frames.ts";
import type { Format } from "./frames.ts";

/** What a server speaks inside the frames: nothing of its own, or Socket.IO's packets. */
export type Dialect = "plain" | "socket.io";

/** The frames of a run. */
export interface Exchange {
  /** One message, masked, as a client sends it. */
  readonly request: Buffer;
  /** The frame that must come back for it. */
  readonly reply: Buffer;
}

/**
 * The message of a run in a server's dialect.
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

/** What a client must still say and hear after the HTTP answer before the connection counts as open. */
export interface Greeting {
  /** Text that the server's first frame begins with. */
  readonly hears: string;
  /** Frame to answer with, if any. */
  readonly says?: Buffer;
}

/** The target of the request line for a route such as `/echo`; the query tells the floors what to answer with. */
export function targetOf(dialect: Dialect, route: string, size: number, format: Format): string {
  if (dialect === "socket.io") return "/socket.io/?EIO=4&transport=websocket";
  return `${route}?size=${size}&format=${format}`;
}

/** Socket.IO: the server's Engine.IO "open", our "connect", the server's "connect" with an id. */
export const GREETINGS: Readonly<Record<Dialect, readonly Greeting[]>> = {
  plain: [],
  "socket.io": [{ hears: "0{", says: clientFrame(OPCODE.text, Buffer.from("40")) }, { hears: "40{" }],
};
