import { isAscii, isUtf8 } from "node:buffer";

import { type Bytes, asBytes } from "../../../src/protocol/bytes.ts";
import { FrameReader } from "../../../src/protocol/frame-reader.ts";
import { type ReaderOptions, ReaderRules } from "../../../src/protocol/reader-rules.ts";
import { type Call, RecordingSink } from "../../../test/support/recording-sink.ts";
import { holds } from "../../engine/target.ts";

/** How a stream is read. */
export interface ReadMode {
  /** The name, for messages. */
  readonly name: string;
  /** The size of each chunk. */
  readonly sizes: readonly number[];
  /** Whether the memory of a chunk is used again after each `push`. */
  readonly lent: boolean;
  /** Whether the next bytes are read to where the reader wants them, if it says so. */
  readonly targeted?: boolean;
  /** Whether texts are delivered as strings. */
  readonly textAsString: boolean;
  /** The number of calls of the sink after which the reader is stopped, from inside the last of them. */
  readonly stopAfter?: number;
}

/** The reader may reserve at most this many bytes for each byte that it has received … */
const MEMORY_PER_BYTE = 4;

/** … or this many bytes: a first block of 64 KiB, and up to 7 bytes for the alignment. */
const MEMORY_MINIMUM = 64 * 1024 + 8;

/** Keeps each message and a copy of it: the reader must not change memory that it has passed on. */
class KeepingSink extends RecordingSink {
  readonly #kept: (readonly [view: Bytes, copy: Buffer])[] = [];
  readonly #textAsString: boolean;

  constructor(textAsString: boolean, onCall: () => void) {
    super(onCall);
    this.#textAsString = textAsString;
  }

  override onMessage(opcode: number, bytes: Bytes, start: number, end: number, ascii: boolean): void {
    const view = bytes.subarray(start, end);
    // A text that becomes a string is lent until the call returns.
    if (!(this.#textAsString && opcode === 1)) this.#kept.push([view, Buffer.from(view)]);
    super.onMessage(opcode, bytes, start, end, ascii);
  }

  /** Whether all messages are unchanged. */
  get intact(): boolean {
    return this.#kept.every(([view, copy]) => copy.equals(view));
  }
}

/** Reads a stream in one mode, and checks how the reader uses memory. */
export function readIn(stream: Buffer, options: ReaderOptions, mode: ReadMode): readonly Call[] {
  const sink = new KeepingSink(mode.textAsString, () => {
    if (sink.calls.length === mode.stopAfter) reader.stop();
  });
  const reader = new FrameReader(sink, rulesOf(options, mode.textAsString));
  const memory = mode.lent ? asBytes(Buffer.alloc(Math.max(0, ...mode.sizes))) : undefined;
  let received = 0;
  withMemoryLimit(
    () => received,
    () => {
      for (let at = 0, i = 0; at < stream.length; i++) {
        const end = Math.min(stream.length, at + (mode.sizes[i] ?? stream.length));
        received = end;
        push(reader, stream, mode.targeted === true ? readToTargets(reader, stream, at, end) : at, end, memory);
        at = end;
      }
    },
  );
  holds(sink.intact, "memory of a message was changed after it was delivered", mode.name);
  holds(delivered(sink.calls) <= stream.length, "more bytes were delivered than received", mode.name);
  return sink.calls;
}

/** The rules for each options object, with and without texts as strings. They are created once. */
const rules = new WeakMap<ReaderOptions, (ReaderRules | undefined)[]>();

function rulesOf(options: ReaderOptions, textAsString: boolean): ReaderRules {
  let both = rules.get(options);
  if (both === undefined) rules.set(options, (both = []));
  return (both[Number(textAsString)] ??= new ReaderRules({ isUtf8, isAscii, ...options, textAsString, targetFrom: 1 }));
}

/** Pushes `stream[start, end)`: in memory that is overwritten after the call, or in memory of its own. */
function push(reader: FrameReader, stream: Buffer, start: number, end: number, memory: Bytes | undefined): void {
  if (memory === undefined) {
    reader.push(asBytes(Buffer.from(stream.subarray(start, end))));
    return;
  }
  stream.copy(memory, 0, start, end);
  reader.push(memory, end - start, true);
  memory.fill(0xee, 0, end - start);
}

/** Reads as much as possible of `stream[start, end)` to the targets of the reader, as a socket does. Returns where the rest begins. */
function readToTargets(reader: FrameReader, stream: Buffer, start: number, end: number): number {
  let at = start;
  for (let { target } = reader; target !== undefined && at < end; { target } = reader) {
    const size = stream.copy(target, 0, at, end);
    reader.push(target, size, true);
    at += size;
  }
  return at;
}

/** Node's original function. */
const allocUnsafeSlow = Reflect.get<typeof Buffer, "allocUnsafeSlow">(Buffer, "allocUnsafeSlow");

/** Runs `task`, and fails if it reserves a block of memory that is too large for the number of received bytes. */
function withMemoryLimit(received: () => number, task: () => void): void {
  Buffer.allocUnsafeSlow = (size) => {
    const maximum = Math.max(MEMORY_MINIMUM, received() * MEMORY_PER_BYTE + 8);
    if (size > maximum) tooMuch = { size, received: received() };
    return allocUnsafeSlow(size);
  };
  let tooMuch: object | undefined;
  try {
    task();
  } finally {
    Buffer.allocUnsafeSlow = allocUnsafeSlow;
  }
  holds(tooMuch === undefined, "too much memory was reserved for the number of received bytes", tooMuch);
}

function delivered(calls: readonly Call[]): number {
  let bytes = 0;
  for (const [kind, body] of calls) {
    if (kind === "text") bytes += Buffer.byteLength(body);
    else if (kind === "binary" || kind === "ping" || kind === "pong") bytes += body.length / 2;
  }
  return bytes;
}
