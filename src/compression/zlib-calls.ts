import { constants as bufferConstants } from "node:buffer";
import { type ZlibOptions, constants, deflateRaw, deflateRawSync, inflateRaw, inflateRawSync } from "node:zlib";

import type { ProtocolErrorCode } from "../errors/table.ts";
import { type Bytes, allocate, asBytes, copyOf } from "../protocol/bytes.ts";
import type { DeflateSettings } from "./settings.ts";
import { FLUSH_LENGTH, MAX_PARTS, TAIL, boundOf, hasFlush, isComplete } from "./sync-flush.ts";

/** The least and the most output of one step of zlib: zlib's own limit, and ours: a message of 1 MiB, and no byte more. */
const MIN_CHUNK = 64;
const MAX_CHUNK = 1024 * 1024 + 1;

/** How many times as large as its input the output of a step may be. If it is larger, there are more steps. */
const OUTPUT_RATIO = 4;

/** What the public functions return with the option `info`. */
interface Inflated {
  readonly buffer: Buffer;
  readonly engine: { readonly bytesWritten: number };
}

/**
 * A payload that is decompressed by the public functions: by one call, or by one for each part that ends with BFINAL set. If it ends
 * inside a block and by chance the tail completes that block, it is accepted: one call does not say where bytes came from.
 */
class Parts {
  readonly #max: number;
  readonly #tail: Bytes;
  readonly #done: Buffer[] = [];
  #rest: Bytes;
  #size = 0;

  constructor(payload: Bytes, maxSize: number) {
    this.#max = Math.min(maxSize, bufferConstants.MAX_LENGTH);
    this.#rest = payload;
    this.#tail = hasFlush(payload, 0, payload.length) ? TAIL.subarray(FLUSH_LENGTH) : TAIL;
  }

  /** What is decompressed next. */
  get input(): Buffer {
    return Buffer.concat([this.#rest, this.#tail]);
  }

  /** The options of the next call, whose steps have at most `maxChunk` bytes of output. */
  options(maxChunk: number): ZlibOptions {
    const maxOutputLength = Math.max(1, this.#max - this.#size);
    return { info: true, maxOutputLength, chunkSize: Math.max(MIN_CHUNK, Math.min(maxChunk, maxOutputLength + 1)) };
  }

  /** The most output of a step that is not much larger than its input. */
  get usualChunk(): number {
    return Math.min(this.#rest.length * OUTPUT_RATIO, MAX_CHUNK);
  }

  /** Adds the result of a call, and returns the message if it is complete. */
  add({ buffer, engine }: Inflated): Bytes | ProtocolErrorCode | undefined {
    this.#size += buffer.length;
    if (this.#size > this.#max) return "HWS_MESSAGE_TOO_BIG";
    this.#done.push(buffer);
    const unread = this.#rest.length + this.#tail.length - engine.bytesWritten;
    this.#rest = this.#rest.subarray(engine.bytesWritten);
    if (this.#rest.length === 0) {
      if (!isComplete(unread, TAIL.length - this.#tail.length)) return "HWS_INVALID_COMPRESSION";
      return asBytes(this.#done.length === 1 ? buffer : Buffer.concat(this.#done));
    }
    return this.#done.length > MAX_PARTS ? "HWS_INVALID_COMPRESSION" : undefined;
  }
}

/** Compresses a message by itself, as `Deflater` does it, into new memory. */
export function deflateOnce(bytes: Bytes, settings: DeflateSettings): Bytes {
  return withoutFlush(deflateRawSync(bytes, deflateOptions(settings, bytes.length)));
}

/** Does the same in the thread pool. */
export async function deflateInPool(bytes: Bytes, settings: DeflateSettings): Promise<Bytes> {
  const options = deflateOptions(settings, bytes.length);
  return compact(withoutFlush(await called<Buffer>((done) => deflateRaw(bytes, options, done))));
}

/** Decompresses a payload, as `Inflater` does it, into new memory. */
export function inflateOnce(payload: Bytes, maxSize: number): Bytes | ProtocolErrorCode {
  if (payload.length === 0) return allocate(0);
  const parts = new Parts(payload, maxSize);
  try {
    let message: Bytes | ProtocolErrorCode | undefined;
    do message = parts.add(inflateRawSync(parts.input, parts.options(parts.usualChunk)) as unknown as Inflated);
    while (message === undefined);
    return message;
  } catch (error) {
    return codeOf(error);
  }
}

/**
 * Does the same in the thread pool. Each step begins and ends in the main thread, which costs ten times as much as the work of a
 * short step. So a step is as long as possible: there are at most two at a time.
 */
export async function inflateInPool(payload: Bytes, maxSize: number): Promise<Bytes | ProtocolErrorCode> {
  if (payload.length === 0) return allocate(0);
  const parts = new Parts(payload, maxSize);
  try {
    let message: Bytes | ProtocolErrorCode | undefined;
    do message = parts.add(await called<Inflated>((done) => inflateRaw(parts.input, parts.options(MAX_CHUNK), done)));
    while (message === undefined);
    return typeof message === "string" ? message : exact(message);
  } catch (error) {
    return codeOf(error);
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

/** A result that may be kept for long: it must not keep much more memory than it has bytes. */
function compact(result: Bytes): Bytes {
  return result.buffer.byteLength > 2 * result.length ? copyOf(result) : result;
}

/** A result for an application: the rest of its memory was not cleared, and may have bytes of anybody. */
function exact(result: Bytes): Bytes {
  return result.buffer.byteLength > result.length ? copyOf(result) : result;
}

/** The result of a function of zlib that calls back. */
function called<Result>(call: (done: (error: Error | null, result: Buffer) => void) => void): Promise<Result> {
  return new Promise((resolve, reject) => {
    call((error, result) => (error === null ? resolve(result as unknown as Result) : reject(error)));
  });
}
