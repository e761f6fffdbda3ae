import { Opcode } from "../../protocol/opcodes.ts";
import { type Bytes, asBytes } from "../../protocol/bytes.ts";
import { FIN, headerSize, serializeFrame, writeHeader } from "../../protocol/frame-encoder.ts";
import { afterEachTurn } from "../transport/turn.ts";

/** Characters of a text that is joined with others at most; a longer one is worth a native call of its own. */
export const MAX_JOINED = 512;

/** Characters of texts that are joined at most: what Node encodes without memory of its own. */
export const MAX_TEXTS = 16 * 1024;

/** Bytes of header before a text of unknown size: a server's frame of less than 64 KiB. */
export const TEXT_HEADER = 4;

/** Up to this many characters a loop beats the native call (measured: 16 to 24). */
const LOOP_UP_TO = 16;

/**
 * Writes a text frame at `at`: the payload first, behind the header that it will most likely have, then the header.
 *
 * @returns the offset behind the frame
 */
export function writeText(bytes: Bytes, at: number, text: string): number {
  const guess = headerSize(text.length, false);
  const body = at + guess;
  const length = encode(bytes, body, text);
  const needed = headerSize(length, false);
  if (needed !== guess) bytes.copyWithin(at + needed, body, body + length);
  return writeHeader(bytes, at, Opcode.text | FIN, length) + length;
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

/** A text frame's header as a string, one character a byte. */
interface TextHeader {
  readonly text: string;
  /** How many of its bytes are above 0x7f. */
  readonly highBytes: number;
}

const FIRST = String.fromCharCode(Opcode.text | FIN);

/** The headers that two bytes are enough for. */
const SHORT_HEADERS = Array.from({ length: 126 }, (_, length): TextHeader => ({
  text: FIRST + String.fromCharCode(length),
  highBytes: 1,
}));

/** The header of a text of `length` ASCII characters, of less than 64 KiB. */
export function textHeaderOf(length: number): TextHeader {
  return SHORT_HEADERS[length] ?? longHeader(length);
}

function longHeader(length: number): TextHeader {
  const high = length >>> 8;
  const low = length & 0xff;
  return { text: FIRST + String.fromCharCode(126, high, low), highBytes: 1 + (high >> 7) + (low >> 7) };
}

/** True when all texts in `texts`, with their headers of `textHeader`, are ASCII. `high` adds up those of the headers. */
export function isAscii(texts: string, high: number): boolean {
  return Buffer.byteLength(texts) === texts.length + high;
}

/** The frames of texts that were joined with headers of `textHeader`, whatever is in them. */
export function encodeTexts(texts: string): Bytes {
  const frames = [];
  for (let at = 0; at < texts.length;) {
    const short = texts.charCodeAt(at + 1);
    const body = at + (short < 126 ? 2 : 4);
    const length = short < 126 ? short : (texts.charCodeAt(at + 2) << 8) | texts.charCodeAt(at + 3);
    at = body + length;
    frames.push(textFrame(texts.slice(body, at)));
  }
  return asBytes(Buffer.concat(frames));
}

// The text that was sent last, and its frame once somebody sent it again: a loop over all connections encodes once.
let lastText: string | undefined;
let lastFrame: Bytes | undefined;

/** The frame of a text that goes to many connections. */
export function textFrame(text: string): Bytes {
  return serializeFrame(Opcode.text | FIN, Buffer.from(text));
}

/** The frame of `text` if the same text was sent just before: it is one that many get. Remembers `text` otherwise. */
export function repeatedFrame(text: string): Bytes | undefined {
  if (text === lastText) return (lastFrame ??= textFrame(text));
  lastText = text;
  lastFrame = undefined;
  return undefined;
}

/** Forgets the last text: a new message has come, and what is sent from now on answers that one. */
export function forgetText(): void {
  lastText = lastFrame = undefined;
}

afterEachTurn(forgetText);
