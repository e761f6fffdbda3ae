import { constants as bufferConstants } from "node:buffer";
import { type ZlibOptions, constants, createInflateRaw, deflateRaw, deflateRawSync, inflateRawSync } from "node:zlib";

import type { ProtocolErrorCode } from "../errors/table.ts";
import { type Bytes, allocate, asBytes, copyOf } from "../protocol/bytes.ts";
import type { DeflateSettings } from "./settings.ts";
import { FLUSH_LENGTH, MAX_PARTS, TAIL, boundOf, hasFlush, isComplete } from "./sync-flush.ts";

/** The least and the most output of one step of zlib: zlib's own limit, and ours: a message of 1 MiB, and no byte more. */
const MIN_CHUNK = 64;
const MAX_CHUNK = 1024 * 1024 + 1;

/** How many times as large as its input the output of a step may be. If it is larger, there are more steps. */
const OUTPUT_RATIO = 4;

/** A little more than DEFLATE can make of a byte at most. */
const MAX_RATIO = 1040;

/** What the public functions return with the option `info`. */
interface Inflated {
  readonly buffer: Buffer;
  readonly engine: { readonly bytesWritten: number };
}

/** The result of a payload's part: up to a block with BFINAL set, or all of what is left. */
interface Part {
  readonly chunks: readonly Uint8Array[];
  /** The bytes of the chunks. */
  readonly size: number;
  /** How many of them came out before the tail was read. */
  readonly ownSize: number;
  /** How many bytes of the payload and of the tail were read. */
  readonly read: number;
}

/** What is decompressed of a payload, part by part. zlib starts anew after a part, and no bytes are copied before it. */
class Parts {
  readonly #max: number;
  readonly #chunks: Uint8Array[] = [];
  readonly tail: Bytes;
  #rest: Bytes;
  #count = 0;
  #size = 0;

  constructor(payload: Bytes, maxSize: number) {
    this.#max = Math.min(maxSize, bufferConstants.MAX_LENGTH - 1);
    this.#rest = payload;
    this.tail = hasFlush(payload, 0, payload.length) ? TAIL.subarray(FLUSH_LENGTH) : TAIL;
  }

  /** What is decompressed next, and then the tail. */
  get rest(): Bytes {
    return this.#rest;
  }

  /** The most bytes that may come out. */
  get maxSize(): number {
    return this.#max - this.#size;
  }

  /** The memory for a step whose output is at most this many times as large as its input. */
  chunkSize(ratio: number): number {
    return Math.max(MIN_CHUNK, Math.min(this.#rest.length * ratio, MAX_CHUNK, this.maxSize + 1));
  }

  /** Adds the result of a part, and returns the message if it is complete. */
  add({ chunks, size, ownSize, read }: Part): Bytes | ProtocolErrorCode | undefined {
    this.#size += size;
    if (this.#size > this.#max) return "HWS_MESSAGE_TOO_BIG";
    this.#chunks.push(...chunks);
    const unread = this.#rest.length + this.tail.length - read;
    this.#rest = this.#rest.subarray(read);
    if (this.#rest.length > 0) return ++this.#count > MAX_PARTS ? "HWS_INVALID_COMPRESSION" : undefined;
    // Bytes come out of the tail only if the payload ended inside a block.
    if (size > ownSize || !isComplete(unread, TAIL.length - this.tail.length)) return "HWS_INVALID_COMPRESSION";
    const [first] = this.#chunks;
    return asBytes(first?.length === this.#size ? first : Buffer.concat(this.#chunks, this.#size));
  }
}

/** Compresses a message by itself, as `Deflater` does it, into new memory. */
export function deflateOnce(bytes: Bytes, settings: DeflateSettings): Bytes {
  return withoutFlush(deflateRawSync(bytes, deflateOptions(settings, bytes.length)));
}

/** Does the same in the thread pool. */
export async function deflateInPool(bytes: Bytes, settings: DeflateSettings): Promise<Bytes> {
  const options = deflateOptions(settings, bytes.length);
  const blocks = await new Promise<Buffer>((resolve, reject) => {
    deflateRaw(bytes, options, (error, result) => (error === null ? resolve(result) : reject(error)));
  });
  return exact(withoutFlush(blocks));
}

/** Decompresses a payload, as `Inflater` does it, into new memory. */
export function inflateOnce(payload: Bytes, maxSize: number): Bytes | ProtocolErrorCode {
  if (payload.length === 0) return allocate(0);
  const parts = new Parts(payload, maxSize);
  const input = Buffer.concat([payload, parts.tail]);
  try {
    let message: Bytes | ProtocolErrorCode | undefined;
    do message = parts.add(partOf(parts, input.subarray(payload.length - parts.rest.length)));
    while (message === undefined);
    return message;
  } catch (error) {
    return codeOf(error);
  }
}

/** Decompresses the next part by one call. */
function partOf(parts: Parts, input: Buffer): Part {
  const options = { maxOutputLength: Math.max(1, parts.maxSize), chunkSize: parts.chunkSize(OUTPUT_RATIO) };
  const { buffer, engine } = inflateRawSync(input, { ...options, info: true }) as unknown as Inflated;
  let ownSize = buffer.length;
  // One call does not say where its output came from. A block that the tail has completed ends with its first bytes.
  if (hasFlush(asBytes(buffer), -1, buffer.length))
    ownSize = inflateRawSync(parts.rest, { ...options, finishFlush: constants.Z_SYNC_FLUSH }).length;
  return { chunks: [buffer], size: buffer.length, ownSize, read: engine.bytesWritten };
}

/**
 * Does the same in the thread pool. Each step begins and ends in the main thread, which costs ten times as much as the work of a
 * short step. So a step is as long as possible: there is at most one at a time.
 */
export async function inflateInPool(payload: Bytes, maxSize: number): Promise<Bytes | ProtocolErrorCode> {
  if (payload.length === 0) return allocate(0);
  const parts = new Parts(payload, maxSize);
  try {
    let message: Bytes | ProtocolErrorCode | undefined;
    do message = parts.add(await partInPool(parts));
    while (message === undefined);
    return typeof message === "string" ? message : exact(message);
  } catch (error) {
    return codeOf(error);
  }
}

/** Decompresses the next part by a stream: it says how much came out before the tail was read. */
async function partInPool(parts: Parts): Promise<Part> {
  const { rest, tail, maxSize } = parts;
  const flush = constants.Z_SYNC_FLUSH;
  const stream = createInflateRaw({ chunkSize: parts.chunkSize(MAX_RATIO), flush, finishFlush: flush });
  const chunks: Uint8Array[] = [];
  let size = 0;
  let ownSize = Infinity;
  try {
    await new Promise<void>((resolve, reject) => {
      stream.on("data", (chunk: Uint8Array) => {
        chunks.push(chunk);
        size += chunk.length;
        if (size > maxSize) resolve();
      });
      stream.on("error", reject).on("end", resolve);
      // It is not called if the part ends before the payload.
      stream.write(rest, () => (ownSize = size + stream.readableLength));
      stream.end(tail);
    });
    return { chunks, size, ownSize, read: stream.bytesWritten };
  } finally {
    stream.destroy();
  }
}

/** The code for an error of zlib that the peer caused. Any other error is thrown. */
function codeOf(error: unknown): ProtocolErrorCode {
  const { code } = error as { readonly code?: unknown };
  if (code === "ERR_BUFFER_TOO_LARGE") return "HWS_MESSAGE_TOO_BIG";
  if (code === "Z_DATA_ERROR" || code === "Z_BUF_ERROR" || code === "Z_NEED_DICT") return "HWS_INVALID_COMPRESSION";
  throw error;
}

function deflateOptions({ level, memLevel, windowBits }: DeflateSettings, size: number): ZlibOptions {
  const chunkSize = Math.min(boundOf(size), MAX_CHUNK);
  return { level, memLevel, windowBits, chunkSize, finishFlush: constants.Z_SYNC_FLUSH };
}

function withoutFlush(blocks: Buffer): Bytes {
  return asBytes(blocks.subarray(0, blocks.length - FLUSH_LENGTH));
}

/**
 * A result in memory that has nothing else: it may be kept for long, and the rest of the memory was not cleared, so it may have
 * bytes of anybody.
 */
function exact(result: Bytes): Bytes {
  return result.buffer.byteLength > result.length ? copyOf(result) : result;
}
