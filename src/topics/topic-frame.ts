import type { OutgoingMessage } from "../connection/sending/outgoing-message.ts";
import type { Bytes } from "../protocol/bytes.ts";
import { asBytes } from "../protocol/bytes.ts";

/**
 * The header line of a message for a subscriber with the option `framing: "header"`: `\x1e<kind> <position> <flag> <topic>\n`. The topic is
 * the last field, because it may have spaces. No JSON begins with `\x1e`.
 */

/** The first character of a header line. */
export const HEADER_START = "\x1e";

/** What follows a header line. */
export type TopicFrameKind =
  /** A message. */
  | "m"
  /** It has subscribed. The flag: `1` nothing is missing since the position that was asked for, `0` something may be, `-` not asked. */
  | "s"
  /** Messages may be missing before this. The flag: why. */
  | "g"
  /** Somebody has come. The member follows as JSON. */
  | "j"
  /** Somebody has gone. The member follows as JSON. */
  | "l"
  /** It is not subscribed any more, or was refused. The flag: why, as an HTTP status or a close code. */
  | "u";

/** A header line. */
export function topicHeader(kind: TopicFrameKind, position: string | undefined, flag: string, topic: string): string {
  return `${HEADER_START}${kind} ${position ?? "-"} ${flag} ${topic}\n`;
}

/** The flag of the line `s`: whether nothing is missing since the position that was given; undefined: none was. */
export function recoveredFlag(recovered: boolean | undefined): string {
  if (recovered === undefined) return "-";
  return recovered ? "1" : "0";
}

/** A message after its header line: text stays text, and bytes stay bytes. */
export function withHeader(header: string, message: OutgoingMessage): OutgoingMessage {
  const { opcode, payload, key, compression } = message;
  const framed = typeof payload === "string" ? header + payload : joined(header, payload as Bytes);
  return { opcode, payload: framed, key, compression };
}

function joined(header: string, payload: Bytes): Bytes {
  return asBytes(Buffer.concat([Buffer.from(header), payload]));
}
