import { type DeflateRaw, type InflateRaw, constants, createDeflateRaw, createInflateRaw } from "node:zlib";

import { ProtocolError, withoutStack } from "../errors/errors.ts";
import { type Bytes, EMPTY, allocate, asBytes } from "../protocol/bytes.ts";
import type { DeflateSettings } from "./settings.ts";
import { FLUSH_LENGTH, MAX_PARTS, TAIL, hasFlush, isComplete } from "./sync-flush.ts";

/** The output of one step of zlib, which runs in Node's thread pool. No step begins before the one before it was read. */
const STEP_OUTPUT = 64 * 1024;

/** Each piece is flushed, so that all that can be made of it comes out. */
const FLUSHED = { chunkSize: STEP_OUTPUT, flush: constants.Z_SYNC_FLUSH, finishFlush: constants.Z_SYNC_FLUSH };

/** A stream of node:zlib that gets one piece at a time, and is read as slowly as its reader wants. */
class PiecewiseZlib {
  readonly #stream: InflateRaw | DeflateRaw;
  #failure: Error | undefined;
  #wake: () => void = nothing;

  constructor(stream: InflateRaw | DeflateRaw) {
    this.#stream = stream;
    const wake = (): void => this.#wake();
    stream
      .on("readable", wake)
      .on("end", wake)
      .on("close", wake)
      .on("error", (error) => {
        this.#failure = error;
        wake();
      });
  }

  /** The bytes of all pieces that zlib has read. */
  get bytesRead(): number {
    return this.#stream.bytesWritten;
  }

  /** Writes a piece, and gives what comes out of it. It ends before the piece does at a block with BFINAL set. */
  async *outputOf(piece: Bytes): AsyncGenerator<Bytes, void> {
    const written = { isTaken: false };
    this.#stream.write(piece, () => {
      written.isTaken = true;
      this.#wake();
    });
    for (;;) {
      const output = this.#stream.read() as Bytes | null;
      if (output !== null) yield output;
      else if (this.#failure !== undefined) throw this.#failure;
      else if (written.isTaken || this.#stream.readableEnded || this.#stream.destroyed) return;
      else
        await new Promise<void>((wake) => {
          this.#wake = wake;
        });
    }
  }

  /** Frees its memory. */
  close(): void {
    this.#stream.destroy();
  }
}

/** The errors of zlib that a peer can cause. */
const CAUSED_BY_PEER: readonly unknown[] = ["Z_DATA_ERROR", "Z_BUF_ERROR", "Z_NEED_DICT"];

/**
 * Decompresses the payload of one message as it comes (RFC 7692 7.2.2), as `Inflater` does it for a whole one. Nothing is decompressed
 * before its reader asks for it.
 *
 * @param next gives the next piece of the payload; undefined: it was the last one
 * @throws {ProtocolError} (`HWS_INVALID_COMPRESSION`) for data that is not DEFLATE, or that ends early
 */
export async function* inflatePieces(next: () => Promise<Bytes | undefined>): AsyncGenerator<Bytes, void> {
  let zlib = new PiecewiseZlib(createInflateRaw(FLUSHED));
  let [parts, length, end] = [0, 0, EMPTY];
  try {
    for (let piece = await next(); piece !== undefined; piece = await next()) {
      length += piece.length;
      end = lastBytes(end, piece);
      for (let rest = piece; rest.length > 0;) {
        const before = zlib.bytesRead;
        yield* zlib.outputOf(rest);
        rest = rest.subarray(zlib.bytesRead - before);
        if (rest.length === 0) break;
        // What was not read comes after a block with BFINAL set.
        if (++parts > MAX_PARTS) throw invalidError();
        zlib.close();
        zlib = new PiecewiseZlib(createInflateRaw(FLUSHED));
      }
    }
    if (length > 0) await checkEnd(zlib, length > FLUSH_LENGTH && hasFlush(end, -1, end.length));
  } catch (error) {
    throw CAUSED_BY_PEER.includes((error as { readonly code?: unknown }).code) ? invalidError() : error;
  } finally {
    zlib.close();
  }
}

/** Checks that the payload is complete: bytes come out of the tail only if it ended inside a block. */
async function checkEnd(zlib: PiecewiseZlib, endsWithFlush: boolean): Promise<void> {
  const tail = TAIL.subarray(endsWithFlush ? FLUSH_LENGTH : 0);
  const before = zlib.bytesRead;
  const { done } = await zlib.outputOf(tail).next();
  const unread = tail.length - (zlib.bytesRead - before);
  if (done !== true || !isComplete(unread, TAIL.length - tail.length)) throw invalidError();
}

/** The last bytes of what has come, as many as a flush has. */
function lastBytes(before: Bytes, piece: Bytes): Bytes {
  if (piece.length >= FLUSH_LENGTH) return piece.subarray(piece.length - FLUSH_LENGTH);
  return asBytes(Buffer.concat([before, piece]).subarray(-FLUSH_LENGTH));
}

/** Compresses one message piece by piece, with a history of its own (RFC 7692 7.2.1). It works in Node's thread pool. */
export class PieceDeflater {
  readonly #zlib: PiecewiseZlib;

  constructor({ level, memLevel, windowBits }: DeflateSettings) {
    this.#zlib = new PiecewiseZlib(createDeflateRaw({ level, memLevel, windowBits, ...FLUSHED }));
  }

  /**
   * Compresses a piece. Its memory must not be changed meanwhile.
   *
   * @param isLast whether the message ends with it: then the last four bytes of its flush are left out
   */
  async deflate(piece: Bytes, isLast: boolean): Promise<Bytes> {
    // Nothing is left to flush: an empty block without its last four bytes (RFC 7692 7.2.3.6).
    if (piece.length === 0) return isLast ? emptyBlock() : EMPTY;
    const output: Bytes[] = [];
    for await (const part of this.#zlib.outputOf(piece)) output.push(part);
    const [first] = output;
    const all = first !== undefined && output.length === 1 ? first : asBytes(Buffer.concat(output));
    return isLast ? all.subarray(0, all.length - FLUSH_LENGTH) : all;
  }

  /** Frees its memory. It must not be used any more. */
  close(): void {
    this.#zlib.close();
  }
}

function emptyBlock(): Bytes {
  const block = allocate(1);
  block[0] = 0;
  return block;
}

function invalidError(): ProtocolError {
  return withoutStack(() => new ProtocolError("HWS_INVALID_COMPRESSION"));
}

function nothing(): void {
  // Nobody waits.
}
