import { existsSync } from "node:fs";
import { isUtf8 } from "node:buffer";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { OPCODE } from "../wire/frames.ts";
import type { Engine, Message } from "./engine.ts";
import { MAX_MESSAGE } from "./messages.ts";
import type { CountingStream } from "./streams.ts";

// What is used of the library's inside, described and not imported: a baseline may be older than the types of today.

/** Makes data of what a reader says about a message. */
type DecodeBytes = (...message: readonly unknown[]) => Message;

interface Sink {
  message(...message: readonly unknown[]): void;
  text(text: string): void;
  ping(): void;
  pong(): void;
  close(): void;
  fail(error: Error): void;
}

interface Reader {
  /** Older readers were given the chunk, and nothing was lent to them. */
  push(chunk: Buffer, end: number, lent: boolean): void;
}

interface Reading {
  readonly FrameReader: new (sink: Sink, options: object) => Reader;
}

interface Decoding {
  readonly decoders: {
    /** 0.1.0 has a function here: its reader makes no strings. */
    readonly auto: DecodeBytes | { readonly bytes: DecodeBytes; readonly text: (text: string) => Message };
  };
}

interface Outbox {
  hold(): void;
  text(text: string): void;
  message(opcode: number, bytes: Uint8Array): void;
  release(): void;
}

interface Writing {
  readonly Outbox: new (stream: CountingStream, consumes: boolean, rules: number | typeof RULES) => Outbox;
}

/** No message is sent in fragments; of these frames none is a pong. */
const RULES = { fragmentSize: Infinity, maxPongQueue: 1, tally: { maxPongQueue: 0 } } as const;

/**
 * Hawser's frame parser and writer. This file is all that the benchmark knows of the library's inside.
 *
 * @param build - a dist folder of hawser
 * @returns the engine of that build
 */
export async function loadHawser(build: string): Promise<Engine> {
  const load = (...files: string[]): Promise<unknown> => {
    const paths = files.map((file) => resolve(build, file));
    const found = paths.find((path) => existsSync(path)) ?? paths[0]!;
    return import(pathToFileURL(found).href);
  };
  const chambers = existsSync(resolve(build, "connection/sending"));
  const { FrameReader } = (await load("protocol/reader.js")) as Reading;
  // The second of each is where builds before the chambers of the connection's room have it.
  const { decoders } = (await load("connection/receiving/decode.js", "connection/decode.js")) as Decoding;
  const { Outbox } = (await load("connection/sending/outbox.js", "connection/outbox.js")) as Writing;
  return {
    parser: (take) => {
      const sink = sinkOf(decoders.auto, take);
      const reader = new FrameReader(sink, { role: "server", maxMessageSize: MAX_MESSAGE, texts: true, isUtf8 });
      // As from a socket, whose next bytes come into the same memory: what is kept must be copied.
      return (chunk) => reader.push(chunk, chunk.length, true);
    },
    writer: (stream) => {
      // As on a socket, in frames that are not cut up; until the chambers came an outbox knew of nothing else.
      const outbox = new Outbox(stream, true, chambers ? RULES : RULES.fragmentSize);
      return (messages) => {
        outbox.hold();
        for (const message of messages) {
          if (typeof message === "string") outbox.text(message);
          else outbox.message(OPCODE.binary, message);
        }
        outbox.release();
      };
    },
  };
}

/** What a connection does with a message under dataType "auto", without its handler. */
function sinkOf(auto: Decoding["decoders"]["auto"], take: (message: Message) => void): Sink {
  const { bytes, text } = typeof auto === "function" ? { bytes: auto, text: unexpected } : auto;
  return {
    message: (...message) => take(bytes(...message)),
    text: (string) => take(text(string)),
    ping: unexpected,
    pong: unexpected,
    close: unexpected,
    fail: (error) => {
      throw error;
    },
  };
}

function unexpected(): never {
  throw new Error("something that was not sent");
}
