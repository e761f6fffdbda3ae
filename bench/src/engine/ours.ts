import { existsSync } from "node:fs";
import { isUtf8 } from "node:buffer";
import type { Socket } from "node:net";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { OPCODE } from "../wire/frames.ts";
import type { Engine, Message } from "./engine.ts";
import { MAX_MESSAGE } from "./messages.ts";
import { type CountingStream, countingSocket } from "./streams.ts";

// The internal modules of the library that are used here. Their types are declared and not imported, because a baseline may be older.

/** Decodes a message from the arguments that a reader passes. */
type DecodeBytes = (...message: readonly unknown[]) => Message;

/** The methods that a reader calls: under their present names and, for an older baseline, under their former names. */
interface Sink {
  onMessage(...message: readonly unknown[]): void;
  onText(text: string): void;
  onPing(): void;
  onTransformed(): void;
  onFrame(): void;
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
  /** Older readers take only the chunk. */
  push(chunk: Buffer, end: number, lent: boolean): void;
}

interface Reading {
  readonly FrameReader: new (sink: Sink, options: object) => Reader;
}

interface Decoding {
  readonly decoders: {
    /** In 0.1.0 this is a function, because its reader does not create strings. */
    /** Builds before the first release have a function for texts, which returns its argument. */
    readonly auto: DecodeBytes | { readonly bytes: DecodeBytes; readonly text?: (text: string) => Message };
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

/** The write buffer of older builds. */
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

/** The rules of a write buffer: no message is sent in fragments, and no pong is queued. Older builds need all of them. */
const RULES = {
  ...{ fragmentSize: Infinity, maxPongQueue: 1 },
  ...{ tally: { maxPongQueue: 0 }, limitCounters: { maxPongQueue: 0 } },
} as const;

/**
 * Loads the frame parser and the frame writer of Hawser. No other file of the benchmark uses internal modules of the library.
 *
 * @param build - a dist folder of Hawser
 * @returns the engine of that build
 */
export async function loadHawser(build: string): Promise<Engine> {
  const load = (...files: string[]): Promise<unknown> => {
    const paths = files.map((file) => resolve(build, file));
    const found = paths.find((path) => existsSync(path)) ?? paths[0]!;
    return import(pathToFileURL(found).href);
  };
  // The second path of each is that of older builds.
  const { FrameReader } = (await load("protocol/frame-reader.js", "protocol/reader.js")) as Reading;
  const { decoders } = (await load("connection/receiving/decode.js")) as Decoding;
  const newBuffer = await writeBuffers(load);
  return {
    parser: (take) => {
      const sink = sinkOf(decoders.auto, take);
      const options = { role: "server", maxMessageSize: MAX_MESSAGE, texts: true, textAsString: true, isUtf8 };
      const reader = new FrameReader(sink, options);
      // As with a socket, the next bytes may use the same memory: the reader must copy what it keeps.
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

/** Returns a function that creates write buffers of this build, with the present method names. */
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

/** Does what a connection does with a message under dataType "auto", without a handler. */
function sinkOf(auto: Decoding["decoders"]["auto"], take: (message: Message) => void): Sink {
  const { bytes, text = (string: string): Message => string } =
    typeof auto === "function" ? { bytes: auto, text: unexpected } : auto;
  const onMessage = (...message: readonly unknown[]): void => take(bytes(...message));
  const onText = (string: string): void => take(text(string));
  const onError = (error: Error): never => {
    throw error;
  };
  return {
    onMessage,
    onText,
    onPing: unexpected,
    onTransformed: unexpected,
    onFrame: () => undefined,
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
  throw new Error("the reader delivered something that was not sent");
}
