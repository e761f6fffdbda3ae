import type { Bytes } from "./bytes.ts";

/** Checks UTF-8 (RFC 3629) as it arrives: the state between two pieces is one number. */

/** Between two characters: the state at the start and at the end of a text. */
export const UTF8_START = 0;

/** A byte that no UTF-8 text can have there. */
export const UTF8_BAD = -1;

// A state other than these packs what the next bytes must be: count of bytes missing << 16 | lowest << 8 | highest.
function expecting(missing: number, low: number, high: number): number {
  return (missing << 16) | (low << 8) | high;
}

/** The bytes that may follow a character's first byte (RFC 3629 4): no overlong forms, no surrogates, nothing above U+10FFFF. */
function afterLead(byte: number): number {
  if (byte < 0x80) return UTF8_START;
  if (byte < 0xc2) return UTF8_BAD;
  if (byte < 0xe0) return expecting(1, 0x80, 0xbf);
  if (byte === 0xe0) return expecting(2, 0xa0, 0xbf);
  if (byte === 0xed) return expecting(2, 0x80, 0x9f);
  if (byte < 0xf0) return expecting(2, 0x80, 0xbf);
  if (byte === 0xf0) return expecting(3, 0x90, 0xbf);
  if (byte < 0xf4) return expecting(3, 0x80, 0xbf);
  if (byte === 0xf4) return expecting(3, 0x80, 0x8f);
  return UTF8_BAD;
}

/**
 * Goes on checking a text with the bytes from `start` to `end`.
 *
 * @param state what the call before returned, or `UTF8_START`
 * @returns the state after these bytes: `UTF8_START` at a character's end, `UTF8_BAD` at the first bad byte
 */
export function checkUtf8(bytes: Uint8Array, start: number, end: number, state: number): number {
  let i = start;
  while (i < end) {
    if (state === UTF8_START) {
      while (i < end && bytes[i]! < 0x80) i++;
      if (i === end) return state;
      state = afterLead(bytes[i++]!);
      if (state === UTF8_BAD) return state;
      continue;
    }
    const byte = bytes[i++]!;
    if (byte < ((state >> 8) & 0xff) || byte > (state & 0xff)) return UTF8_BAD;
    const missing = (state >> 16) - 1;
    state = missing === 0 ? UTF8_START : expecting(missing, 0x80, 0xbf);
  }
  return state;
}

/** From this many bytes on a native check is faster, with its call and its view. */
const NATIVE_FROM = 48;

/**
 * The same as `checkUtf8`, with a native check of all complete characters: 30 times as fast for a long text that is not
 * ASCII.
 *
 * @param native true for bytes that are a whole UTF-8 text
 */
export function checkUtf8By(
  native: (bytes: Bytes) => boolean,
  bytes: Bytes,
  start: number,
  end: number,
  state: number,
): number {
  let from = start;
  // The rest of a character that began in the bytes before: at most three bytes.
  while (state > UTF8_START && from < end) state = checkUtf8(bytes, from, ++from, state);
  if (state === UTF8_BAD) return state;
  if (state !== UTF8_START || end - from < NATIVE_FROM) return checkUtf8(bytes, from, end, state);
  const to = lastLead(bytes, end);
  return checkUtf8(bytes, native(bytes.subarray(from, to)) ? to : from, end, UTF8_START);
}

/** Where the last character begins if it may be unfinished: at most three bytes before `end`, else `end` itself. */
function lastLead(bytes: Bytes, end: number): number {
  for (let i = end - 1; i >= end - 3; i--) {
    if (bytes[i]! < 0x80) return end;
    if (bytes[i]! >= 0xc0) return i;
  }
  return end;
}

/** True when the bytes from `start` to `end` are a whole UTF-8 text. */
export function isUtf8(bytes: Uint8Array, start: number, end: number): boolean {
  return checkUtf8(bytes, start, end, UTF8_START) === UTF8_START;
}

/** The number of bytes of `text` as UTF-8; a lone surrogate counts as U+FFFD. */
export function utf8Length(text: string): number {
  let length = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    if (unit < 0x800) length += 1;
    else {
      length += 2;
      // A pair is two units and four bytes.
      if (unit >= 0xd800 && unit < 0xdc00 && i + 1 < text.length) {
        const next = text.charCodeAt(i + 1);
        if (next >= 0xdc00 && next < 0xe000) i++;
      }
    }
  }
  return length;
}
