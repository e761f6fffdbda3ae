import { constants as bufferConstants } from "node:buffer";
import { constants, createDeflateRaw, createInflateRaw, inflateRawSync } from "node:zlib";

import type { ProtocolErrorCode } from "../errors/table.ts";
import { type Bytes, EMPTY, allocate, asBytes } from "../protocol/bytes.ts";
import type { Inflater, OwnDeflater } from "./codec.ts";
import { Jobs } from "./jobs.ts";
import type { DeflateSettings } from "./settings.ts";
import { FLUSH_LENGTH, MAX_PARTS, TAIL, boundOf, checkMemory, hasFlush, isComplete } from "./sync-flush.ts";
import { deflateInPool, deflateOnce, inflateInPool, inflateOnce } from "./zlib-calls.ts";
import { Handle, isMalformed } from "./zlib-handle.ts";

/** The least output of a step of Node's streams: kept handles do not use it. */
const MIN_CHUNK = 64;

/** The memory that is reserved first for a decompressed message, and how it grows while more comes out. */
const FIRST_OUTPUT = 16 * 1024;
const OUTPUT_GROWTH = 4;

/** The most memory that is kept for the next message: 256 KiB, and what zlib needs to tell that no more comes out. */
const KEPT_OUTPUT = 256 * 1024 + 64;

/**
 * The most jobs at a time in the process, in each direction: so what peers send does not delay what is sent to them. libuv's
 * thread pool has four threads, which also read files and look up names, and each job needs memory of its own.
 */
const MAX_JOBS = 1;
const deflating = new Jobs(MAX_JOBS);
const inflating = new Jobs(MAX_JOBS);

/** The major versions of Node whose zlib streams are known to be made like this: its tests have passed on 20, 22, 24 and 26. */
const KNOWN = { from: 20, to: 26 } as const;

/** How zlib is called: by a stream's own handle, which is kept, or by public functions that make a new one for each message. */
export type ZlibWay = "kept" | "one-shot";

let way: ZlibWay | undefined;

/**
 * Chooses how zlib is called. For tests only: by default a kept handle is used if it works here.
 *
 * @param chosen undefined: the default
 */
export function setZlibWay(chosen: ZlibWay | undefined): void {
  way = chosen;
}

/** How zlib is called here. A kept handle is faster than a new one for each message (docs/compression-table.md). */
export function zlibWay(): ZlibWay {
  if (way === undefined) {
    way = "kept";
    way = handlesWork() ? "kept" : "one-shot";
  }
  return way;
}

/** A deflater of zlib. Its handle and its memory are made when it gets its first message. */
class ZlibDeflater implements OwnDeflater {
  readonly #settings: DeflateSettings;
  readonly #maxKept: number;
  #handle: Handle | undefined;
  #memory: Bytes = EMPTY;

  /** @param maxKept the most bytes of memory that are kept for the next message */
  constructor(settings: DeflateSettings, maxKept: number) {
    this.#settings = settings;
    this.#maxKept = maxKept;
  }

  deflate(bytes: Bytes, start: number, end: number): Bytes {
    checkMemory("HWS_SEND_FAILED", bytes, end);
    const size = end - start;
    const memory = this.#reserve(boundOf(size));
    // An empty message is one empty block (RFC 7692 7.2.3.6), which changes no history. zlib flushes nothing twice.
    if (size === 0) {
      memory[0] = 0;
      return memory.subarray(0, 1);
    }
    if (zlibWay() === "kept") {
      const handle = (this.#handle ??= new Handle(createDeflateRaw({ ...this.#settings, chunkSize: MIN_CHUNK })));
      const error = handle.write(bytes, start, size, memory, 0, memory.length);
      // All of it in one write: if the output were full, the next write would begin with another flush.
      if (error === 0 && handle.free > 0 && handle.unread === 0)
        return memory.subarray(0, memory.length - handle.free - FLUSH_LENGTH);
      handle.reset();
    }
    return deflateOnce(bytes.subarray(start, end), this.#settings);
  }

  reset(): void {
    this.#handle?.reset();
  }

  close(): void {
    this.#handle?.close();
    this.#handle = undefined;
  }

  #reserve(size: number): Bytes {
    if (this.#memory.length >= size) return this.#memory;
    const memory = allocate(Math.max(size, Math.min(this.#memory.length * 2, this.#maxKept)));
    // The memory for a large message is only for that message.
    if (memory.length <= this.#maxKept) this.#memory = memory;
    return memory;
  }
}

/**
 * Makes a deflater. With public functions of zlib alone it has no history: it compresses each message by itself.
 *
 * @param maxKept the most bytes of memory that it keeps for its next result. Default 256 KiB
 */
export function createDeflater({ level, memLevel, windowBits }: DeflateSettings, maxKept = KEPT_OUTPUT): OwnDeflater {
  return new ZlibDeflater({ level, memLevel, windowBits }, maxKept);
}

/** The inflater of zlib. Its handle and its memory are made when it gets its first message. */
class ZlibInflater implements Inflater {
  #handle: Handle | undefined;
  /** The message so far is `#output[0, #used)`. */
  #output: Bytes = EMPTY;
  #used = 0;

  inflate(payload: Bytes, start: number, end: number, maxSize: number): Bytes | ProtocolErrorCode {
    checkMemory("HWS_MEMORY_TRANSFERRED", payload, end);
    if (start === end) return this.#output.subarray(0, 0);
    if (zlibWay() === "one-shot") return inflateOnce(payload.subarray(start, end), maxSize);
    const max = Math.min(maxSize, bufferConstants.MAX_LENGTH - 1);
    const handle = (this.#handle ??= new Handle(createInflateRaw({ chunkSize: MIN_CHUNK })));
    try {
      return this.#inflate(handle, payload, start, end, max) ?? this.#output.subarray(0, this.#used);
    } finally {
      handle.reset();
      this.#used = 0;
      if (this.#output.length > KEPT_OUTPUT) this.#output = EMPTY;
    }
  }

  /** Decompresses the payload. Undefined if all of it was. */
  #inflate(handle: Handle, payload: Bytes, start: number, end: number, max: number): ProtocolErrorCode | undefined {
    let unread = end - start;
    for (let parts = 0; unread > 0; parts++) {
      if (parts > 0) handle.reset();
      if (parts > MAX_PARTS || !this.#write(handle, payload, end - unread, end, max)) return "HWS_INVALID_COMPRESSION";
      if (this.#used > max) return "HWS_MESSAGE_TOO_BIG";
      // What was not read comes after a block with BFINAL set.
      unread = handle.unread;
    }
    const [from, size] = [hasFlush(payload, start, end) ? FLUSH_LENGTH : 0, this.#used];
    if (!this.#write(handle, TAIL, from, TAIL.length, max)) return "HWS_INVALID_COMPRESSION";
    // Bytes come out of the tail only if the payload ended inside a block.
    return this.#used === size && isComplete(handle.unread, from) ? undefined : "HWS_INVALID_COMPRESSION";
  }

  /**
   * Writes `input[start, end)` until all of it is read, or a block with BFINAL set ends, or more than `max` bytes came out.
   *
   * @returns false if it is not DEFLATE
   */
  #write(handle: Handle, input: Bytes, start: number, end: number, max: number): boolean {
    let at = start;
    do {
      if (this.#used === this.#output.length) this.#grow(max + 1);
      const size = Math.min(this.#output.length, max + 1) - this.#used;
      const error = handle.write(input, at, end - at, this.#output, this.#used, size);
      if (error !== 0) return isMalformed(error);
      this.#used += size - handle.free;
      at = end - handle.unread;
    } while (handle.free === 0 && this.#used <= max);
    return true;
  }

  #grow(max: number): void {
    const output = allocate(Math.min(Math.max(FIRST_OUTPUT, this.#output.length * OUTPUT_GROWTH), max));
    output.set(this.#output);
    this.#output = output;
  }
}

/** The inflater of the process. No message can refer to the one before, but up to 256 KiB of that stay in its memory. */
export const sharedInflater: Inflater = new ZlibInflater();

/**
 * Compresses a message by itself in the thread pool, as `Deflater` does it. One such job runs at a time in the process; the
 * others wait in order.
 *
 * @param bytesOf is called when the job starts. Its result must not be changed or transferred until the promise is settled
 * @param isWanted see `Jobs.run`
 * @returns new memory; undefined: nobody wanted it any more
 */
export function deflateLater(
  bytesOf: () => Bytes,
  settings: DeflateSettings,
  isWanted?: () => boolean,
): Promise<Bytes | undefined> {
  return deflating.run(() => deflateInPool(bytesOf(), settings), isWanted);
}

/**
 * Decompresses a payload in the thread pool, as `Inflater` does it. One such job runs at a time in the process; the others
 * wait in order.
 *
 * @param payload must not be changed or transferred until the promise is settled
 * @param isWanted see `Jobs.run`
 * @returns new memory; undefined: nobody wanted it any more
 */
export function inflateLater(
  payload: Bytes,
  maxSize: number,
  isWanted?: () => boolean,
): Promise<Bytes | ProtocolErrorCode | undefined> {
  return inflating.run(() => inflateInPool(payload, maxSize), isWanted);
}

/** Whether kept handles work here: they compress what `inflateRawSync` reads, decompress it, report errors and go on. */
function handlesWork(): boolean {
  const major = Number.parseInt(process.versions.node, 10);
  if (!(major >= KNOWN.from && major <= KNOWN.to)) return false;
  try {
    const text = Buffer.from("a text of the probe, of the probe");
    const deflater = new ZlibDeflater({ level: 6, memLevel: 5, windowBits: 12 }, KEPT_OUTPUT);
    const inflater = new ZlibInflater();
    const bad = asBytes(Buffer.from([0x07, 0x07]));
    return [0, 1].every(() => {
      const blocks = deflater.deflate(asBytes(text), 0, text.length);
      deflater.reset();
      const message = inflater.inflate(blocks, 0, blocks.length, text.length);
      return (
        inflateRawSync(blocks, { finishFlush: constants.Z_SYNC_FLUSH }).equals(text) &&
        typeof message !== "string" &&
        text.equals(message) &&
        inflater.inflate(blocks, 0, blocks.length, text.length - 1) === "HWS_MESSAGE_TOO_BIG" &&
        inflater.inflate(blocks, 0, blocks.length - 2, text.length) === "HWS_INVALID_COMPRESSION" &&
        inflater.inflate(bad, 0, bad.length, 100) === "HWS_INVALID_COMPRESSION"
      );
    });
  } catch {
    return false;
  }
}
