import { Opcode } from "../../protocol/opcodes.ts";
import { type Bytes, allocate, asBytes } from "../../protocol/bytes.ts";
import { FIN, LENGTH_16, extendedLengthSize, headerSize, writeHeader } from "../../protocol/frame-header.ts";
import { mask, maskInto } from "../../protocol/mask.ts";
import { takeSpareMemory } from "../../protocol/spare-memory.ts";
import { afterEachTurn } from "../transport/turn.ts";

/** The longest text, in characters, that is joined with others. For a longer text a native call of its own is as fast. */
export const MAX_JOINED_TEXT = 512;

/** The most characters of joined texts: Node encodes a string of this length without allocating memory. */
export const MAX_JOINED_LENGTH = 16 * 1024;

/** Whether a text of `length` characters may be joined with others that have `joined` characters, headers included. */
export function mayJoin(joined: number, length: number): boolean {
  return length <= MAX_JOINED_TEXT && joined + length <= MAX_JOINED_LENGTH;
}

/** The longest header of a text whose size is not known yet: a masked frame of less than 64 KiB (RFC 6455 5.2). */
const MAX_TEXT_HEADER = 8;

/** The most bytes that the frame of a text needs, if it needs less than 64 KiB. A character needs at most three bytes. */
export function spaceFor(text: string): number {
  return MAX_TEXT_HEADER + text.length * 3;
}

/** Up to this number of characters, a loop is faster than the native call (measured: 16 to 24). */
const LOOP_UP_TO = 16;

/**
 * Writes a text frame at `at`. The payload is written first, after the space for a header of the expected size; the header
 * follows when the length of the payload is known.
 *
 * @param key the masking key of a client's frame, which is masked in place
 * @returns the offset after the frame
 */
export function writeText(bytes: Bytes, at: number, text: string, key?: number): number {
  const masked = key !== undefined;
  const guess = headerSize(text.length, masked);
  const payload = at + guess;
  const length = encode(bytes, payload, text);
  const needed = headerSize(length, masked);
  if (needed !== guess) bytes.copyWithin(at + needed, payload, payload + length);
  const body = writeHeader(bytes, at, Opcode.text | FIN, length, key);
  if (masked) mask(bytes, body, body + length, key);
  return body + length;
}

/** Writes `text` as UTF-8 and returns its length in bytes. */
function encode(bytes: Bytes, at: number, text: string): number {
  if (text.length > LOOP_UP_TO) return bytes.utf8Write(text, at);
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0x7f) return bytes.utf8Write(text, at);
    bytes[at + i] = unit;
  }
  return text.length;
}

/** The header of a text frame as a string, in which each character is one byte. */
interface TextHeader {
  readonly text: string;
  /** The number of its bytes above 0x7f. */
  readonly highBytes: number;
}

/** The headers of texts that are joined, by the length of the payload. */
const HEADERS = Array.from({ length: MAX_JOINED_TEXT + 1 }, (_, length) => headerAsText(length));

/** The header of a text of `length` ASCII characters, of less than 64 KiB. */
export function textHeaderOf(length: number): TextHeader {
  return HEADERS[length] ?? headerAsText(length);
}

function headerAsText(length: number): TextHeader {
  const bytes = allocate(headerSize(length, false));
  writeHeader(bytes, 0, Opcode.text | FIN, length);
  return { text: bytes.latin1Slice(0, bytes.length), highBytes: bytes.filter((byte) => byte > 0x7f).length };
}

/** Whether all texts in `texts`, each after its header of `textHeaderOf`, are ASCII. `highBytes` is the sum of `highBytes` of all headers. */
export function isAscii(texts: string, highBytes: number): boolean {
  return Buffer.byteLength(texts) === texts.length + highBytes;
}

/** Encodes texts that were joined, each after its header of `textHeaderOf`. They may have characters that are not ASCII. */
export function encodeTexts(texts: string): Bytes {
  const frames = [];
  for (let at = 0; at < texts.length;) {
    const length7 = texts.charCodeAt(at + 1);
    const payload = at + 2 + extendedLengthSize(length7);
    const length = length7 < LENGTH_16 ? length7 : (texts.charCodeAt(at + 2) << 8) | texts.charCodeAt(at + 3);
    at = payload + length;
    frames.push(textFrame(texts.slice(payload, at)));
  }
  return asBytes(Buffer.concat(frames));
}

// The last text, and its frame if the same text was sent again. So a loop over all connections encodes the text once.
let lastText: string | undefined;
let lastFrame: Bytes | undefined;

/** Encodes a text as a frame in memory of its own. With a `key` it is masked. */
export function textFrame(text: string, key?: number): Bytes {
  return frameIn(allocate, text, key);
}

/** The same in memory that may have been used before, and may be longer: `keepSpareMemory` takes it when it was written. */
export function largeTextFrame(text: string, key?: number): Bytes {
  return frameIn(takeSpareMemory, text, key);
}

/** Encodes a text into new memory, without a copy between. */
function frameIn(allocateFor: (size: number) => Bytes, text: string, key: number | undefined): Bytes {
  const length = Buffer.byteLength(text);
  const size = headerSize(length, key !== undefined) + length;
  const frame = allocateFor(size).subarray(0, size);
  const payload = writeHeader(frame, 0, Opcode.text | FIN, length, key);
  // ASCII needs no conversion: 0.5 times the CPU of `Buffer.from` at 64 KiB.
  if (length === text.length) frame.latin1Write(text, payload);
  else frame.utf8Write(text, payload);
  if (key !== undefined) maskInto(frame, payload, frame, payload, size, key);
  return frame;
}

/** Returns the frame of `text` if the last text was the same: then many connections probably get it. Otherwise remembers `text`. */
export function frameIfRepeated(text: string): Bytes | undefined {
  if (text === lastText) return (lastFrame ??= textFrame(text));
  lastText = text;
  lastFrame = undefined;
  return undefined;
}

/** Forgets the last text: a new message was received, and the next texts answer that message. */
export function forgetLastText(): void {
  lastText = lastFrame = undefined;
}

afterEachTurn(forgetLastText);
