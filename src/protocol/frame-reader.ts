import { ProtocolError, withoutStack } from "../errors/errors.ts";
import type { ProtocolErrorCode } from "../errors/table.ts";
import { type Bytes, copyOf } from "./bytes.ts";
import { type PartialFrame, copyShort, keepPartialFrame, reusePartialFrame } from "./partial-frame.ts";
import { parseClose } from "./close-frame.ts";
import { MessageAssembler } from "./message-assembler.ts";
import { MessageBuffer } from "./message-buffer.ts";
import {
  BadLength,
  FIN,
  KEY_SIZE,
  LENGTH_16,
  MASKED,
  MAX_HEADER,
  RESERVED_BITS,
  extendedLengthSize,
  readExtendedLength,
  readKey,
} from "./frame-header.ts";
import { MAX_CONTROL_PAYLOAD } from "./limits.ts";
import { mask, rotateKey, maskInto } from "./mask.ts";
import { type DataOpcode, Opcode, isControl, isReserved } from "./opcodes.ts";
import { type ReaderOptions, ReaderRules } from "./reader-rules.ts";
import { FINAL_TEXT, SHORT_HEADER, unmaskShortTexts } from "./short-texts.ts";
import { memoryTransferredError } from "./transferred-memory.ts";
import { UTF8_START } from "./utf8.ts";

/** The first byte of an unfragmented binary message. */
const FINAL_BINARY = FIN | Opcode.binary;

/**
 * What a reader calls. The receiver may keep the memory of a message, which is a view of the chunk if possible. Three kinds
 * of memory are valid only until the call returns: a control frame's payload, a transformed message's, and a text's with
 * `textAsString`.
 * The methods must not push to the reader that calls them. If one throws, `push` throws, and the reader is of no more use.
 */
export interface FrameSink {
  /** A complete message: `bytes[start, end)`, unmasked; a text is UTF-8. `ascii`: a text without a byte above 0x7f. */
  onMessage(opcode: DataOpcode, bytes: Bytes, start: number, end: number, ascii: boolean): void;
  /** A complete short ASCII text, in place of `onMessage`. Called only with the option `textAsString`. */
  onText(text: string): void;
  /**
   * A complete message whose first frame has the negotiated reserved bit: unmasked, and as an extension has changed it. The
   * receiver decodes it, and checks its size and its UTF-8. The memory is valid until the call returns.
   */
  onTransformed(opcode: DataOpcode, payload: Bytes): void;
  /** A frame that is no whole message: a control frame or a fragment. It costs time, too. What follows from it comes next. */
  onFrame(): void;
  /** A ping. The answer is a pong with the same payload (RFC 6455 5.5.2). */
  onPing(payload: Bytes): void;
  /** A pong, solicited or not (RFC 6455 5.5.3). */
  onPong(payload: Bytes): void;
  /** The peer's close frame; code 1005 when it had none. Nothing is called after it. */
  onClose(code: number, reason: string | undefined): void;
  /** The peer broke a rule (RFC 6455 7.1.7). Nothing is called after it. */
  onError(error: ProtocolError): void;
}

/**
 * Reads the frames of RFC 6455 and calls a sink. It has no timer and no socket. It throws only what its sink throws, and if
 * memory cannot be allocated or the receiver has transferred the rest of a chunk. A frame that lies whole in a chunk is
 * unmasked in place: the reader owns the chunks that it is given, or, if they are borrowed, owns them until `push` returns.
 *
 * @example
 * const reader = new FrameReader(sink, { role: "server" });
 * socket.on("data", (chunk) => reader.push(chunk));
 */
export class FrameReader {
  readonly #sink: FrameSink;
  readonly #rules: ReaderRules;

  /** True after a close frame or a failure: all later bytes are discarded (RFC 6455 5.5.1, 7.1.7). */
  #done = false;
  /** The beginning of a frame that the end of the last chunk has cut. */
  #partial: PartialFrame | undefined;

  /** The reader owns the current chunk only until `push` returns. */
  #borrowed = false;

  /** The message that arrives in pieces, if there is one. */
  #incoming: MessageAssembler | undefined;

  /** @param options how to read; readers with the same options can share one `ReaderRules` */
  constructor(sink: FrameSink, options: ReaderOptions | ReaderRules) {
    this.#sink = sink;
    this.#rules = options instanceof ReaderRules ? options : new ReaderRules(options);
  }

  /**
   * Reads a chunk of the stream. The stream may be cut anywhere.
   *
   * @param end where the chunk ends in its memory. Default: the end of the memory
   * @param borrowed true if the caller uses the memory again after this call; otherwise the reader owns it from now on
   */
  push(chunk: Bytes, end = chunk.length, borrowed = false): void {
    this.#borrowed = borrowed;
    let at = 0;
    if (this.#partial !== undefined) at = this.#resume(this.#partial, chunk, end);
    if (this.#incoming !== undefined && this.#incoming.remaining > 0 && at < end)
      at = this.#readPayload(this.#incoming, chunk, at, end);
    this.#read(chunk, at, end);
  }

  /** The bytes of a message that has not arrived completely. Those of a stream are counted by whoever reads it. */
  get unfinishedBytes(): number {
    return this.#incoming === undefined ? 0 : this.#incoming.waitingBytes;
  }

  /**
   * Where the next bytes of the stream may be read to, if that saves a copy: the memory of a large message. Then it is the
   * next chunk. It never has space for more than the rest of a frame.
   */
  get target(): Bytes | undefined {
    return this.#incoming?.target;
  }

  /** Stops reading: all later bytes are discarded. `cause`: why, if an error is the reason. */
  stop(cause?: Error): void {
    const incoming = this.#incoming;
    this.#done = true;
    this.#partial = this.#incoming = undefined;
    incoming?.release(cause);
  }

  /** Nobody wants the rest of a message that is streamed. It is read and discarded. */
  cutStream(): void {
    const body = this.#incoming?.body;
    if (body !== undefined && !(body instanceof MessageBuffer)) body.cut(undefined);
  }

  /** Reads all frames in `chunk[start, end)`: several short texts at once where possible, else one frame after the other. */
  #read(chunk: Bytes, start: number, end: number): void {
    for (let at = start; at < end && !this.#done;) {
      // The receiver of a message has transferred its memory: the rest of the chunk went with it.
      if (chunk.length < end) throw memoryTransferredError();
      const readsTexts = this.#rules.batchesShortTexts && this.#incoming === undefined;
      const to = readsTexts ? unmaskShortTexts(chunk, at, end) : at;
      if (to > at) this.#deliverShortTexts(chunk, at, to);
      at = to > at ? to : this.#readFrame(chunk, at, end);
    }
  }

  /** Copies the rest of a borrowed chunk and reads the copy, so that the receiver may keep views of it. */
  #readCopy(chunk: Bytes, start: number, end: number): number {
    const copy = copyOf(chunk.subarray(start, end));
    this.#borrowed = false;
    this.#read(copy, 0, copy.length);
    return end;
  }

  /**
   * Hands over the unmasked texts from `start` to `to`. They are cut from one string that includes the headers: a native
   * call for each text costs as much as the rest of its work (0.76 times the CPU of an echo with 64 in flight).
   */
  #deliverShortTexts(chunk: Bytes, start: number, to: number): void {
    const payload = start + SHORT_HEADER;
    if (payload + (chunk[start + 1]! & 0x7f) === to) {
      this.#sink.onText(chunk.latin1Slice(payload, to));
      return;
    }
    const all = chunk.latin1Slice(start, to);
    for (let at = 0; at < all.length && !this.#done;) {
      const payloadStart = at + SHORT_HEADER;
      at = payloadStart + (all.charCodeAt(at + 1) & 0x7f);
      this.#sink.onText(all.substring(payloadStart, at));
    }
  }

  /** Reads the frame at `at`, or the part of it that has arrived. Returns where that part ends. */
  #readFrame(chunk: Bytes, at: number, end: number): number {
    if (end - at < 2) return this.#keepPartial(chunk, at, end);
    const firstByte = chunk[at]!;
    const secondByte = chunk[at + 1]!;
    const length7 = secondByte & 0x7f;

    const broken = this.#checkStart(firstByte, secondByte);
    if (broken !== undefined) return this.#fail(broken, end);

    const { expectsMasked: masked } = this.#rules;
    let payloadStart = at + 2 + (masked ? KEY_SIZE : 0);
    let length = length7;
    if (length7 >= LENGTH_16) {
      payloadStart += extendedLengthSize(length7);
      if (payloadStart > end) return this.#keepPartial(chunk, at, end);
      length = readExtendedLength(chunk, at + 2, length7);
      // RFC 6455 5.2: the minimal number of bytes MUST be used.
      if (length < 0)
        return this.#fail(length === BadLength.signed ? "HWS_LENGTH_SIGN" : "HWS_LENGTH_NOT_MINIMAL", end);
    } else if (payloadStart > end) return this.#keepPartial(chunk, at, end);

    const key = masked ? readKey(chunk, payloadStart - KEY_SIZE) : 0;
    const payloadEnd = payloadStart + length;
    const whole = payloadEnd <= end;
    const opcode = firstByte & 0x0f;

    if (opcode > 7) {
      if (!whole) return this.#keepPartial(chunk, at, end);
      mask(chunk, payloadStart, payloadEnd, key);
      this.#handleControl(opcode, chunk.subarray(payloadStart, payloadEnd));
      return payloadEnd;
    }
    const isFinal = firstByte === FINAL_TEXT || firstByte === FINAL_BINARY;
    if (whole && isFinal && length <= this.#rules.maxWholeSize) {
      // The common case, an unfragmented message whole in the chunk: nothing is copied.
      if (this.#borrowed && (opcode === Opcode.binary || !this.#rules.borrowsText))
        return this.#readCopy(chunk, at, end);
      if (opcode === Opcode.text)
        this.#deliverText(chunk, payloadStart, payloadEnd, mask(chunk, payloadStart, payloadEnd, key));
      else {
        maskInto(chunk, payloadStart, chunk, payloadStart, payloadEnd, key);
        this.#sink.onMessage(Opcode.binary, chunk, payloadStart, payloadEnd, false);
      }
      return payloadEnd;
    }
    if (whole && firstByte > FINAL_BINARY && length <= this.#rules.maxWholeTransformed) {
      maskInto(chunk, payloadStart, chunk, payloadStart, payloadEnd, key);
      this.#sink.onTransformed(opcode as DataOpcode, chunk.subarray(payloadStart, payloadEnd));
      return payloadEnd;
    }
    const cut = !whole && isSmall(firstByte, length7) && length <= this.#rules.maxMessageSize;
    if (cut && !isNotAscii(chunk, payloadStart, end, key, firstByte & 0x7f)) return this.#keepPartial(chunk, at, end);
    if (this.#incoming === undefined) {
      // Before a body is asked for.
      if (length > this.#rules.maxSizeOf(firstByte)) return this.#fail("HWS_MESSAGE_TOO_BIG", end);
      const assembler = this.#assemblerFor(firstByte);
      // `bodyFor` may have called `stop`.
      if (this.#done) return end;
      this.#incoming = assembler;
    }
    const incoming = this.#incoming;
    const refused = incoming.beginFrame(this.#rules, opcode, firstByte >= FIN, length, key);
    if (refused !== undefined) return this.#fail(refused, end);
    if (firstByte < FIN || opcode === Opcode.continuation) this.#sink.onFrame();
    // `onFrame` may have called `stop`: what is reserved from now on would never be given back.
    if (this.#done) return end;
    return this.#readPayload(incoming, chunk, payloadStart, end);
  }

  /** For the message that begins with this first byte: a fragmented, a cut or a transformed one. */
  #assemblerFor(firstByte: number): MessageAssembler {
    const opcode = (firstByte & 0x0f) as DataOpcode;
    const { bodyFor, textBuffers, otherBuffers, transformedBuffers } = this.#rules;
    const transformed = (firstByte & RESERVED_BITS) !== 0;
    const streamed = bodyFor?.(opcode, transformed);
    const plain = opcode === Opcode.text ? textBuffers : otherBuffers;
    const options = transformed ? transformedBuffers : plain;
    return new MessageAssembler(opcode, streamed ?? new MessageBuffer(firstByte < FIN, options), transformed);
  }

  /** Returns the rule that a frame's first two bytes break, if they break one. */
  #checkStart(firstByte: number, secondByte: number): ProtocolErrorCode | undefined {
    // A short path for the common frame: unfragmented data, correctly masked, outside a fragmented message.
    const { expectsMasked: masked } = this.#rules;
    const within = this.#incoming !== undefined;
    if ((firstByte === FINAL_TEXT || firstByte === FINAL_BINARY) && secondByte >= MASKED === masked && !within)
      return undefined;
    const opcode = firstByte & 0x0f;
    if ((firstByte & RESERVED_BITS) !== 0 && !this.#isTransformed(firstByte)) return "HWS_RESERVED_BITS";
    if (isReserved(opcode)) return "HWS_RESERVED_OPCODE";
    if (secondByte >= MASKED !== masked) return masked ? "HWS_MASK_MISSING" : "HWS_MASK_FORBIDDEN";
    if (isControl(opcode)) {
      if (firstByte < FIN) return "HWS_CONTROL_FRAGMENTED";
      return (secondByte & 0x7f) > MAX_CONTROL_PAYLOAD ? "HWS_CONTROL_TOO_LONG" : undefined;
    }
    if (opcode === Opcode.continuation) return within ? undefined : "HWS_CONTINUATION_UNEXPECTED";
    return within ? "HWS_CONTINUATION_EXPECTED" : undefined;
  }

  /** RFC 7692 6.1: the extension's bit may be set on the first frame of a data message only. */
  #isTransformed(firstByte: number): boolean {
    const opcode = firstByte & 0x0f;
    const isFirst = opcode === Opcode.text || opcode === Opcode.binary;
    return isFirst && (firstByte & RESERVED_BITS) === this.#rules.transformBit;
  }

  /** Reads the part of the current data frame's payload that is in the chunk. Returns where it ends. */
  #readPayload(incoming: MessageAssembler, chunk: Bytes, start: number, end: number): number {
    const stop = Math.min(end, start + incoming.remaining);
    if (!incoming.append(this.#rules, chunk, start, stop)) return this.#fail("HWS_INVALID_UTF8", end);
    if (incoming.isComplete) {
      this.#incoming = undefined;
      this.#finish(incoming);
    }
    return stop;
  }

  /** Hands over a complete message that came in pieces. */
  #finish({ body, opcode, ascii, transformed }: MessageAssembler): void {
    if (!(body instanceof MessageBuffer)) {
      if (!this.#done) body.end();
    } else {
      if (transformed) this.#sink.onTransformed(opcode, body.bytes.subarray(0, body.length));
      else this.#sink.onMessage(opcode, body.bytes, 0, body.length, ascii);
      body.reuse();
    }
  }

  /** Checks and hands over the text in `chunk[start, end)`. `byteOr` is the OR of its bytes. */
  #deliverText(chunk: Bytes, start: number, end: number, byteOr: number): void {
    const ascii = byteOr < 0x80;
    if (!ascii && this.#rules.checkUtf8(chunk, start, end, UTF8_START) !== UTF8_START)
      this.#fail("HWS_INVALID_UTF8", end);
    else this.#sink.onMessage(Opcode.text, chunk, start, end, ascii);
  }

  #handleControl(opcode: number, payload: Bytes): void {
    this.#sink.onFrame();
    if (this.#done) return;
    if (opcode === Opcode.ping) return this.#sink.onPing(payload);
    if (opcode === Opcode.pong) return this.#sink.onPong(payload);
    const close = parseClose(payload);
    if (typeof close === "string") return void this.#fail(close, 0);
    this.stop();
    this.#sink.onClose(close.code, close.reason);
  }

  /** Copies the beginning of a frame until the next chunk: a few bytes must not keep a whole chunk in memory. */
  #keepPartial(chunk: Bytes, start: number, end: number): number {
    this.#partial = keepPartialFrame(chunk, start, end);
    return end;
  }

  /** Continues a frame whose beginning was kept. Returns where reading continues in `chunk`. */
  #resume(partial: PartialFrame, chunk: Bytes, end: number): number {
    const { bytes, size: kept } = partial;
    this.#partial = undefined;
    // A small frame is read from the copy. Of other frames only the header is: their payload is read in the chunk.
    const header = Math.min(kept + end, MAX_HEADER);
    copyShort(chunk, 0, header - kept, bytes, kept);
    const size = Math.min(sizeToJoin(bytes, header, this.#rules.expectsMasked), kept + end);
    const from = Math.max(kept, header);
    copyShort(chunk, from - kept, size - kept, bytes, from);
    const borrowed = this.#borrowed;
    this.#borrowed = true;
    this.#readFrame(bytes, 0, size);
    this.#borrowed = borrowed;
    reusePartialFrame(partial);
    return size - kept;
  }

  /** The only place where reading fails. Returns `end`, so that the caller's loop ends. */
  #fail(code: ProtocolErrorCode, end: number): number {
    // A body may have called `stop`.
    if (this.#done) return end;
    const error = withoutStack(() => new ProtocolError(code));
    this.stop(error);
    this.#sink.onError(error);
    return end;
  }
}

/** Whether a frame is kept until it is complete: a control frame, or a short unfragmented message. */
function isSmall(firstByte: number, length7: number): boolean {
  return length7 <= MAX_CONTROL_PAYLOAD && firstByte >= FIN && firstByte !== (FIN | Opcode.continuation);
}

/** Whether these first bytes of a text are not all ASCII: then it must be checked as it arrives (RFC 6455 8.1). */
function isNotAscii(bytes: Bytes, start: number, end: number, key: number, opcode: number): boolean {
  if (opcode !== Opcode.text) return false;
  let rotated = key;
  for (let i = start; i < end; i++) {
    if (((bytes[i]! ^ rotated) & 0x80) !== 0) return true;
    rotated = rotateKey(rotated, 1);
  }
  return false;
}

/** The size of the header of the frame in `bytes[0, length)`, with the payload if it is small. Infinity if it is not known yet. */
function sizeToJoin(bytes: Bytes, length: number, masked: boolean): number {
  if (length < 2) return Infinity;
  const length7 = bytes[1]! & 0x7f;
  const header = 2 + extendedLengthSize(length7) + (masked ? KEY_SIZE : 0);
  return isSmall(bytes[0]!, length7) ? header + length7 : header;
}
