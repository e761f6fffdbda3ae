import { existsSync } from "node:fs";
import { isUtf8 } from "node:buffer";
import type { Socket } from "node:net";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { OPCODE } from "../wire/frames.ts";
import type { Engine, Message } from "./engine.ts";
import { MAX_MESSAGE } from "./messages.ts";
import { type CountingStream, countingSocket } from "./streams.ts";

// What is used of the library's inside, described and not imported: a baseline may be older than the types of today.

/** Makes data of what a reader says about a message. */
type DecodeBytes = (...message: readonly unknown[]) => Message;

/** What a reader calls, by its names of today and, for a baseline, by those before them. */
interface Sink {
  onMessage(...message: readonly unknown[]): void;
  onText(text: string): void;
  onPing(): void;
  onPong(): void;
  onClose(): void;
  onError(error: Error): void;
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

interface WriteBuffer {
  holdWrites(): void;
  addText(text: string): void;
  addMessage(opcode: number, bytes: Uint8Array): void;
  releaseWrites(): void;
}

interface Writing {
  readonly WriteBuffer: new (writer: object, encoder: object) => WriteBuffer;
}

interface StreamWriting {
  readonly StreamWriter: new (stream: Socket, nodeSocket: boolean) => object;
}

interface Encoding {
  readonly encoderOf: (role: string) => object;
}

/** Builds in which the write buffer wrote to the stream itself. */
interface SelfWriting {
  readonly WriteBuffer: new (stream: Socket, consumes: boolean, role: string) => WriteBuffer;
}

/** The write buffer of builds before it had that name. */
interface Outbox {
  hold(): void;
  text(text: string): void;
  message(opcode: number, bytes: Uint8Array): void;
  release(): void;
}

interface OldWriting {
  readonly Outbox: new (stream: Socket, consumes: boolean, rules: object) => Outbox;
}

interface DirectWriting {
  readonly allowDirectWrites: (socket: Socket) => void;
}

/** No message is sent in fragments; of these frames none is a pong. */
const RULES = {
  ...{ fragmentSize: Infinity, maxPongQueue: 1 },
  ...{ tally: { maxPongQueue: 0 }, limitCounters: { maxPongQueue: 0 } },
} as const;

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
  // The second of each is where builds before the renaming have it.
  const { FrameReader } = (await load("protocol/frame-reader.js", "protocol/reader.js")) as Reading;
  const { decoders } = (await load("connection/receiving/decode.js")) as Decoding;
  const newBuffer = await writeBuffers(load);
  return {
    parser: (take) => {
      const sink = sinkOf(decoders.auto, take);
      const options = { role: "server", maxMessageSize: MAX_MESSAGE, texts: true, textAsString: true, isUtf8 };
      const reader = new FrameReader(sink, options);
      // As from a socket, whose next bytes come into the same memory: what is kept must be copied.
      return (chunk) => reader.push(chunk, chunk.length, true);
    },
    writer: (stream) => {
      const buffer = newBuffer(stream);
      return (messages) => {
        buffer.holdWrites();
        for (const message of messages) {
          if (typeof message === "string") buffer.addText(message);
          else buffer.addMessage(OPCODE.binary, message);
        }
        buffer.releaseWrites();
      };
    },
  };
}

/** Makes write buffers of a build, under the names of today. */
async function writeBuffers(
  load: (...files: string[]) => Promise<unknown>,
): Promise<(to: CountingStream) => WriteBuffer> {
  const { allowDirectWrites } = (await load(
    "connection/transport/direct-write.js",
    "connection/stream/direct-write.js",
  )) as DirectWriting;
  const socketTo = (stream: CountingStream): Socket => {
    const socket = countingSocket(stream);
    allowDirectWrites(socket);
    return socket;
  };
  const file = await load("connection/sending/write-buffer.js", "connection/sending/outbox.js");
  if ("WriteBuffer" in (file as Writing)) {
    const { StreamWriter } = (await load(
      "connection/transport/stream-writer.js",
      "connection/sending/stream-writer.js",
    )) as StreamWriting;
    // An abstract class has no `write`: then the write buffer extends it.
    if (!("write" in (StreamWriter.prototype as object)))
      return (stream) => new (file as SelfWriting).WriteBuffer(socketTo(stream), true, "server");
    const { encoderOf } = (await load("connection/sending/encoders.js")) as Encoding;
    return (stream) => new (file as Writing).WriteBuffer(new StreamWriter(socketTo(stream), true), encoderOf("server"));
  }
  return (stream) => {
    const outbox = new (file as OldWriting).Outbox(socketTo(stream), true, RULES);
    return {
      holdWrites: () => outbox.hold(),
      addText: (text) => outbox.text(text),
      addMessage: (opcode, bytes) => outbox.message(opcode, bytes),
      releaseWrites: () => outbox.release(),
    };
  };
}

/** What a connection does with a message under dataType "auto", without its handler. */
function sinkOf(auto: Decoding["decoders"]["auto"], take: (message: Message) => void): Sink {
  const { bytes, text } = typeof auto === "function" ? { bytes: auto, text: unexpected } : auto;
  const onMessage = (...message: readonly unknown[]): void => take(bytes(...message));
  const onText = (string: string): void => take(text(string));
  const onError = (error: Error): never => {
    throw error;
  };
  return {
    onMessage,
    onText,
    onPing: unexpected,
    onPong: unexpected,
    onClose: unexpected,
    onError,
    message: onMessage,
    text: onText,
    ping: unexpected,
    pong: unexpected,
    close: unexpected,
    fail: onError,
  };
}

function unexpected(): never {
  throw new Error("something that was not sent");
}
