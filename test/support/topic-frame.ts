import { expect } from "vitest";

/** A message with its header line. */
export interface Framed {
  /** The kind of the message. */
  readonly kind: string;
  /** The position of the topic; "-": none. */
  readonly position: string;
  /** The flag of its kind. */
  readonly flag: string;
  /** The topic. */
  readonly topic: string;
  /** The message after the line. */
  readonly data: string;
}

/** Reads a message with a header line, as the page of a user would. */
export function framed(message: string): Framed {
  expect(message[0]).toBe("\x1e");
  const end = message.indexOf("\n");
  const [kind = "", position = "", flag = "", ...topic] = message.slice(1, end).split(" ");
  return { kind, position, flag, topic: topic.join(" "), data: message.slice(end + 1) };
}
