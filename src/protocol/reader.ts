import { ProtocolError } from "../errors/errors.ts";
import type { ProtocolErrorCode } from "../errors/table.ts";
import { type Bytes, allocate } from "./bytes.ts";
import { parseClose } from "./close.ts";
import { Gather } from "./gather.ts";
import {
  DEFAULT_MAX_MESSAGE_SIZE,
  FRAGMENT_CHARGE,
  MAX_CONTROL_PAYLOAD,
  MAX_HEADER,
  MIN_FRAGMENT_BUDGET,
} from "./limits.ts";
import { mask, rotateKey } from "./mask.ts";
import { type DataOpcode, Opcode, isControl, isReserved } from "./opcodes.ts";
import { UTF8_BAD, UTF8_START, checkUtf8, checkUtf8By } from "./utf8.ts";

/**
 * What a reader calls. Memory that it hands over is the receiver's to keep; it is a view of the chunk wherever possible.
 * The methods must not throw, and must not push to the reader that calls them.
 */
export interface FrameSink {
  /** A whole message: `bytes[start, end)`, unmasked and, if text, UTF-8. `ascii`: no byte is above 0x7f. */
  message(opcode: DataOpcode, bytes: Bytes, start: number, end: number, ascii: boolean): void;
  /** A ping, to be answered with a pong that carries the same payload (RFC 6455 5.5.2). */
  ping(payload: Bytes): void;
  /** A pong, asked for or not (RFC 6455 5.5.3). */
  pong(payload: Bytes): void;
  /** The peer's close frame; code 1005 when it had none. Nothing is called after it. */
  close(code: number, reason: string | undefined): void;
  /** The peer broke a rule (RFC 6455 7.1.7). Nothing is called after it. */
  fail(error: ProtocolError): void;
}

/** How a reader reads. */
export interface ReaderOptions {
  /** The role of the one who reads. A server's peer masks its frames, a client's does not (RFC 6455 5.1). */
  readonly role: "server" | "client";
  /** The most bytes a message may have, over all its fragments. Default 1 MiB. */
  readonly maxMessageSize?: number;
  /** Whether bytes are a whole UTF-8 text: the platform's own check, where it has one, is faster than the engine's. */
  readonly isUtf8?: (bytes: Bytes) => boolean;
}

/** The frame that is cut by the end of a chunk, at its longest: a control frame, kept whole. */
const MAX_CARRY = MAX_HEADER + MAX_CONTROL_PAYLOAD;

/**
 * Reads RFC 6455 frames: bytes in, calls to a sink out. It keeps no time, owns no socket, and throws only where memory is refused.
 * A frame that lies whole in a chunk is unmasked there, in place: the reader owns the chunks it is given.
 *
 * @example
 * const reader = new FrameReader(sink, { role: "server" });
 * socket.on("data", (chunk) => reader.push(chunk));
 */
export class FrameReader {
  readonly #sink: FrameSink;
  readonly #masked: boolean;
  readonly #maxMessageSize: number;
  readonly #fragmentBudget: number;
  readonly #nativeIsUtf8: ((bytes: Bytes) => boolean) | undefined;

  /** True behind a close frame or a failure: all further bytes are discarded (RFC 6455 5.5.1, 7.1.7). */
  #done = false;
  /** The beginning of a frame that the last chunk's end cut off. */
  #carry: Bytes | undefined;

  // The data frame whose payload is being read.
  #left = 0;
  #key = 0;
  #fin = false;

  // The message that is being gathered; opcode 0: none.
  #opcode: DataOpcode | 0 = 0;
  #gather: Gather | undefined;
  #utf8 = UTF8_START;
  #ascii = 0;
  #charged = 0;

  constructor(sink: FrameSink, options: ReaderOptions) {
    this.#sink = sink;
    this.#masked = options.role === "server";
    this.#maxMessageSize = options.maxMessageSize ?? DEFAULT_MAX_MESSAGE_SIZE;
    this.#fragmentBudget = Math.max(this.#maxMessageSize, MIN_FRAGMENT_BUDGET);
    this.#nativeIsUtf8 = options.isUtf8;
  }

  /** Reads a chunk of the stream, cut anywhere. The chunk's memory is the reader's from here on. */
  push(chunk: Bytes): void {
    const end = chunk.length;
    let at = 0;
    if (this.#carry !== undefined) at = this.#resume(this.#carry, chunk);
    if (this.#left > 0 && at < end) at = this.#payload(chunk, at, end);
    while (at < end && !this.#done) at = this.#frame(chunk, at, end);
  }

  /** Reads no more: what comes is discarded. */
  stop(): void {
    this.#done = true;
    this.#left = 0;
    this.#carry = this.#gather = undefined;
  }

  /** Reads the frame at `at`, as much of it as is there. Returns where it went on to. */
  #frame(chunk: Bytes, at: number, end: number): number {
    if (end - at < 2) return this.#keep(chunk, at, end);
    const first = chunk[at]!;
    const second = chunk[at + 1]!;
    const short = second & 0x7f;

    const broken = this.#checkStart(first, second);
    if (broken !== undefined) return this.#fail(broken, end);

    let body = at + 2 + (this.#masked ? 4 : 0);
    let length = short;
    if (short > 125) {
      body += short === 126 ? 2 : 8;
      if (body > end) return this.#keep(chunk, at, end);
      length = short === 126 ? (chunk[at + 2]! << 8) | chunk[at + 3]! : readLength64(chunk, at + 2);
      // RFC 6455 5.2: the minimal number of bytes MUST be used.
      if (length < (short === 126 ? 126 : 0x10000))
        return this.#fail(length < 0 ? "HWS_LENGTH_SIGN" : "HWS_LENGTH_NOT_MINIMAL", end);
    } else if (body > end) return this.#keep(chunk, at, end);

    const key = this.#masked
      ? chunk[body - 4]! | (chunk[body - 3]! << 8) | (chunk[body - 2]! << 16) | (chunk[body - 1]! << 24)
      : 0;
    const whole = body + length <= end;
    const opcode = first & 0x0f;

    if (opcode > 7) {
      if (!whole) return this.#keep(chunk, at, end);
      mask(chunk, body, body + length, key);
      this.#control(opcode, chunk.subarray(body, body + length));
      return body + length;
    }
    if (first >= 0x80 && whole && opcode !== 0) {
      // The common case, an unfragmented message whole in the chunk: nothing is copied.
      if (length > this.#maxMessageSize) return this.#fail("HWS_MESSAGE_TOO_BIG", end);
      this.#deliver(opcode as DataOpcode, chunk, body, body + length, mask(chunk, body, body + length, key));
      return body + length;
    }
    const refused = this.#begin(opcode, first >= 0x80, length, key);
    if (refused !== undefined) return this.#fail(refused, end);
    return this.#payload(chunk, body, end);
  }

  /** What is wrong with a frame's first two bytes, if something is. */
  #checkStart(first: number, second: number): ProtocolErrorCode | undefined {
    // One comparison for a final text or binary frame, masked as it should be, outside a fragmented message.
    if ((first === 0x81 || first === 0x82) && second >= 0x80 === this.#masked && this.#opcode === 0) return undefined;
    const opcode = first & 0x0f;
    if ((first & 0x70) !== 0) return "HWS_RESERVED_BITS";
    if (isReserved(opcode)) return "HWS_RESERVED_OPCODE";
    if (second >= 0x80 !== this.#masked) return this.#masked ? "HWS_MASK_MISSING" : "HWS_MASK_FORBIDDEN";
    if (isControl(opcode)) {
      if (first < 0x80) return "HWS_CONTROL_FRAGMENTED";
      return (second & 0x7f) > MAX_CONTROL_PAYLOAD ? "HWS_CONTROL_TOO_LONG" : undefined;
    }
    if (opcode === Opcode.continuation) return this.#opcode === 0 ? "HWS_CONTINUATION_UNEXPECTED" : undefined;
    return this.#opcode === 0 ? undefined : "HWS_CONTINUATION_EXPECTED";
  }

  /** Begins a data frame that is a fragment, or whose payload is not all there yet. Limits come before memory. */
  #begin(opcode: number, fin: boolean, length: number, key: number): ProtocolErrorCode | undefined {
    if (opcode !== Opcode.continuation) this.#opcode = opcode as DataOpcode;
    if (length + (this.#gather?.length ?? 0) > this.#maxMessageSize) return "HWS_MESSAGE_TOO_BIG";
    if (opcode === Opcode.continuation || !fin) {
      this.#charged += FRAGMENT_CHARGE;
      if (this.#charged > this.#fragmentBudget) return "HWS_TOO_MANY_FRAGMENTS";
    }
    this.#gather ??= new Gather(!fin);
    this.#left = length;
    this.#key = key;
    this.#fin = fin;
    return undefined;
  }

  /** Reads what the chunk has of the current data frame's payload. Returns where it ends. */
  #payload(chunk: Bytes, start: number, end: number): number {
    const stop = Math.min(end, start + this.#left);
    const gather = this.#gather!;
    this.#left -= stop - start;
    if (stop > start) {
      const all = mask(chunk, start, stop, this.#key);
      this.#ascii |= all;
      this.#key = rotateKey(this.#key, stop - start);
      if (this.#opcode === Opcode.text && (all > 0x7f || this.#utf8 !== UTF8_START)) {
        // RFC 6455 8.1: fail at the first byte that is wrong, not at the message's end.
        this.#utf8 = this.#check(chunk, start, stop, this.#utf8);
        if (this.#utf8 === UTF8_BAD) return this.#fail("HWS_INVALID_UTF8", end);
      }
      gather.append(chunk, start, stop, this.#left);
    }
    if (this.#left === 0 && this.#fin) {
      if (this.#utf8 !== UTF8_START) return this.#fail("HWS_INVALID_UTF8", end);
      this.#finish(gather);
    }
    return stop;
  }

  /** The gathered message is whole. */
  #finish(gather: Gather): void {
    const opcode = this.#opcode as DataOpcode;
    const ascii = this.#ascii < 0x80;
    this.#opcode = this.#charged = this.#ascii = 0;
    this.#gather = undefined;
    this.#sink.message(opcode, gather.bytes, 0, gather.length, ascii);
  }

  /** An unfragmented message lies whole in the chunk. `all` is the OR of its bytes. */
  #deliver(opcode: DataOpcode, chunk: Bytes, start: number, end: number, all: number): void {
    const ascii = all < 0x80;
    if (!ascii && opcode === Opcode.text && this.#check(chunk, start, end, UTF8_START) !== UTF8_START)
      this.#fail("HWS_INVALID_UTF8", end);
    else this.#sink.message(opcode, chunk, start, end, ascii);
  }

  #check(chunk: Bytes, start: number, end: number, state: number): number {
    if (this.#nativeIsUtf8 === undefined) return checkUtf8(chunk, start, end, state);
    return checkUtf8By(this.#nativeIsUtf8, chunk, start, end, state);
  }

  #control(opcode: number, payload: Bytes): void {
    if (opcode === Opcode.ping) return this.#sink.ping(payload);
    if (opcode === Opcode.pong) return this.#sink.pong(payload);
    const close = parseClose(payload);
    if (typeof close === "string") return void this.#fail(close, 0);
    this.stop();
    this.#sink.close(close.code, close.reason);
  }

  /** Keeps the beginning of a frame for the next chunk, as a copy: a few bytes must not hold a whole chunk. */
  #keep(chunk: Bytes, start: number, end: number): number {
    this.#carry = allocate(end - start);
    this.#carry.set(chunk.subarray(start, end));
    return end;
  }

  /** Goes on with a frame whose beginning was kept. Returns where in `chunk` reading goes on. */
  #resume(carry: Bytes, chunk: Bytes): number {
    const kept = carry.length;
    const joined = allocate(Math.min(kept + chunk.length, MAX_CARRY));
    joined.set(carry);
    joined.set(chunk.subarray(0, joined.length - kept), kept);
    this.#carry = undefined;
    // A control frame is read from the copy; of a data frame only the header: its payload is read where it lies.
    const size = Math.min(sizeToJoin(joined, this.#masked), joined.length);
    this.#frame(joined, 0, size);
    return size - kept;
  }

  /** The one exit for failure. Returns `end`, so that the caller's loop is over. */
  #fail(code: ProtocolErrorCode, end: number): number {
    this.stop();
    this.#sink.fail(new ProtocolError(code));
    return end;
  }
}

/** The bytes of a frame's header, and of a control frame's payload too; more than there are while they do not yet tell. */
function sizeToJoin(bytes: Bytes, masked: boolean): number {
  if (bytes.length < 2) return Infinity;
  const short = bytes[1]! & 0x7f;
  const header = 2 + (masked ? 4 : 0);
  if (isControl(bytes[0]! & 0x0f)) return header + short;
  return header + (short < 126 ? 0 : short === 126 ? 2 : 8);
}

/** A 64-bit length as a number; -1 when its highest bit is set. Above 2^53 it is rounded, which no limit notices. */
function readLength64(bytes: Bytes, at: number): number {
  if (bytes[at]! > 0x7f) return -1;
  let length = 0;
  for (let i = 0; i < 8; i++) length = length * 256 + bytes[at + i]!;
  return length;
}
