import type { CountingStream } from "./streams.ts";

/** The libraries that are compared. */
export type EngineName = "hawser" | "ws";

/** A message as users have it: a string for text, bytes for binary. */
export type Message = string | Uint8Array;

/** A library's frame parser and frame writer, as its own connections use them, and nothing else of it. */
export interface Engine {
  /**
   * A parser of what one client sends.
   *
   * @param take - is given each message
   * @returns what to give each chunk to; the parser may write on it
   */
  parser(take: (message: Message) => void): (chunk: Buffer) => void;
  /**
   * A writer of what one client is sent.
   *
   * @param stream - what it writes to
   * @returns what to give the messages of one turn to
   */
  writer(stream: CountingStream): (messages: readonly Message[]) => void;
}
