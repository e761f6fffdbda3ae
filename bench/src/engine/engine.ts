import type { CountingStream } from "./streams.ts";

/** The libraries that are compared. */
export type EngineName = "hawser" | "ws";

/** A message as applications use it: a string for text, bytes for binary. */
export type Message = string | Uint8Array;

/** The frame parser and the frame writer of a library, as its own connections use them. */
export interface Engine {
  /**
   * Creates a parser for the data of one client.
   *
   * @param take - is called with each message
   * @returns a function that parses one chunk; it may change the chunk
   */
  parser(take: (message: Message) => void): (chunk: Buffer) => void;
  /**
   * Creates a writer for the messages to one client.
   *
   * @param stream - the stream that it writes to
   * @returns a function that writes the messages of one turn
   */
  writer(stream: CountingStream): (messages: readonly Message[]) => void;
}
