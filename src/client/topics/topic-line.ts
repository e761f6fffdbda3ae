import { HEADER_START } from "../../topics/topic-frame.ts";

/** The byte of a line's end. */
const LINE_END = 10;

/** What a position may look like. The client keeps it, so it must not be long. */
export const POSITION = /^[\w.-]{1,64}$/;

/** A message with a header line. */
export interface TopicLine {
  /** What it is: a `TopicFrameKind`, or what later versions send. */
  readonly kind: string;
  /** Its position; undefined: the topic has none. */
  readonly position: string | undefined;
  /** The flag of its kind. */
  readonly flag: string;
  /** The topic. */
  readonly topic: string;
  /** What follows the line. */
  readonly data: string | Uint8Array;
}

/** Reads a message of a topic. Undefined: it has no header line. */
export function readTopicLine(message: string | Uint8Array): TopicLine | undefined {
  const isText = typeof message === "string";
  if ((isText ? message.charCodeAt(0) : message[0]) !== HEADER_START.charCodeAt(0)) return undefined;
  const end = isText ? message.indexOf("\n") : message.indexOf(LINE_END);
  if (end < 0) return undefined;
  const header = isText ? message.slice(1, end) : new TextDecoder().decode(message.subarray(1, end));
  const [kind, position, flag, ...words] = header.split(" ");
  if (kind === undefined || position === undefined || flag === undefined || words.length === 0) return undefined;
  if (!POSITION.test(position)) return undefined;
  return {
    kind,
    position: position === "-" ? undefined : position,
    flag,
    topic: words.join(" "),
    data: isText ? message.slice(end + 1) : message.subarray(end + 1),
  };
}

/** What asks for a topic, from a position on or with the newest messages. */
export function subscribeLine(topic: string, position: string | undefined, last: number | undefined): string {
  return `${HEADER_START}s ${position ?? "-"} ${String(last ?? "-")} ${topic}\n`;
}

/** What ends a subscription. */
export function unsubscribeLine(topic: string): string {
  return `${HEADER_START}u - - ${topic}\n`;
}
