import { Opcode } from "../protocol/opcodes.ts";
import type { Bytes } from "../protocol/bytes.ts";
import { FIN, headerSize, serializeFrame, writeHeader } from "../protocol/writer.ts";
import { afterEachTurn } from "./turn.ts";

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
