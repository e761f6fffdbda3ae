import { isUtf8 } from "node:buffer";

import { type Bytes, asBytes } from "../../../src/protocol/bytes.ts";
import { FrameReader } from "../../../src/protocol/frame-reader.ts";
import { type ReaderOptions, ReaderRules } from "../../../src/protocol/reader-rules.ts";
import { type Call, RecordingSink } from "../../../test/support/recording-sink.ts";
import { holds } from "../../engine/target.ts";

/** How a stream is read. */
export interface Way {
  /** In words. */
  readonly name: string;
  /** Where it is cut: the size of each chunk. */
  readonly sizes: readonly number[];
  /** The memory is used again behind each `push`. */
  readonly lent: boolean;
  /** The sink makes strings of texts. */
  readonly texts: boolean;
  /** Behind so many calls the reader is stopped, from inside the last of them. */
  readonly stopAfter?: number;
}

/** RFC 6455 and our own limits: memory is at most this many times what has come … */
const MEMORY_TIMES = 4;

/** … or this many bytes: a first reserve of 64 KiB, and up to 7 bytes so that it lies as what was read. */
const MEMORY_LEAST = 64 * 1024 + 8;

/** Keeps what it is handed beside a copy: memory that is the receiver's must stay as it is. */
class KeepingSink extends RecordingSink {
  readonly #kept: (readonly [view: Bytes, copy: Buffer])[] = [];
  readonly #texts: boolean;

  constructor(texts: boolean, onCall: () => void) {
    super(onCall);
    this.#texts = texts;
  }

  override onMessage(opcode: number, bytes: Bytes, start: number, end: number, ascii: boolean): void {
    const view = bytes.subarray(start, end);
    // A text that becomes a string is the receiver's until the call returns.
    if (!(this.#texts && opcode === 1)) this.#kept.push([view, Buffer.from(view)]);
    super.onMessage(opcode, bytes, start, end, ascii);
  }

  /** Whether all that was handed over for good is as it was. */
  get intact(): boolean {
    return this.#kept.every(([view, copy]) => copy.equals(view));
  }
}

/** Reads a stream one way, and holds the reader to what it promises of memory. */
export function readOneWay(stream: Buffer, options: ReaderOptions, way: Way): readonly Call[] {
  const sink = new KeepingSink(way.texts, () => {
    if (sink.calls.length === way.stopAfter) reader.stop();
  });
  const reader = new FrameReader(sink, rulesOf(options, way.texts));
  const memory = way.lent ? asBytes(Buffer.alloc(Math.max(0, ...way.sizes))) : undefined;
  let came = 0;
  bounding(
    () => came,
    () => {
      for (let at = 0, i = 0; at < stream.length; i++) {
        const end = Math.min(stream.length, at + (way.sizes[i] ?? stream.length));
        came = end;
        push(reader, stream, at, end, memory);
        at = end;
      }
    },
  );
  holds(sink.intact, "memory of a message was written on after it was handed over", way.name);
  holds(delivered(sink.calls) <= stream.length, "more bytes were delivered than came", way.name);
  return sink.calls;
}

/** Worked out once for each of the two. */
const rules = new WeakMap<ReaderOptions, (ReaderRules | undefined)[]>();

function rulesOf(options: ReaderOptions, texts: boolean): ReaderRules {
  let both = rules.get(options);
  if (both === undefined) rules.set(options, (both = []));
  return (both[Number(texts)] ??= new ReaderRules({ isUtf8, ...options, textAsString: texts }));
}

/** Pushes `stream[start, end)`: through memory that is written on behind the call, or in memory of its own. */
function push(reader: FrameReader, stream: Buffer, start: number, end: number, memory: Bytes | undefined): void {
  if (memory === undefined) {
    reader.push(asBytes(Buffer.from(stream.subarray(start, end))));
    return;
  }
  stream.copy(memory, 0, start, end);
  reader.push(memory, end - start, true);
  memory.fill(0xee, 0, end - start);
}

/** Node's own. */
const allocUnsafeSlow = Reflect.get<typeof Buffer, "allocUnsafeSlow">(Buffer, "allocUnsafeSlow");

/** Runs `task`, during which no piece of memory may be asked for that is out of proportion to what has come. */
function bounding(came: () => number, task: () => void): void {
  Buffer.allocUnsafeSlow = (size) => {
    const most = Math.max(MEMORY_LEAST, came() * MEMORY_TIMES + 8);
    if (size > most) tooMuch = { size, came: came() };
    return allocUnsafeSlow(size);
  };
  let tooMuch: object | undefined;
  try {
    task();
  } finally {
    Buffer.allocUnsafeSlow = allocUnsafeSlow;
  }
  holds(tooMuch === undefined, "memory was reserved out of proportion to what had come", tooMuch);
}

function delivered(calls: readonly Call[]): number {
  let bytes = 0;
  for (const [kind, body] of calls) {
    if (kind === "text") bytes += Buffer.byteLength(body);
    else if (kind === "binary" || kind === "ping" || kind === "pong") bytes += body.length / 2;
  }
  return bytes;
}
