import { COMPRESSED, deflated } from "./deflate.ts";
import { OPCODE, clientFrame } from "./frames.ts";

/** The number of different messages. After the last one the first one follows. */
export const VARIED_MESSAGES = 512;

const SYMBOLS = ["AAPL", "BMW.DE", "EURUSD", "NESN.SW", "BTC-USD", "MSFT", "SAP.DE", "TSLA"];
const STATES = ["open", "filled", "cancelled", "partly filled"];
const FIRST_ORDER = 48_150_000;
const FIRST_TIME = Date.UTC(2026, 10, 26, 9);
const NOTE = "This order was accepted by the exchange. ";

/** Messages that differ from each other, and their frames. They are created before a run, so that sending costs nothing. */
export interface VariedMessages {
  /** The JSON texts. */
  readonly texts: readonly Buffer[];
  /** The first byte of the frame of an answer. */
  readonly firstByte: number;
  /** The masked frames of `count` messages from number `first` on, as one buffer. */
  frames(first: number, count: number): Buffer;
}

/**
 * Creates the messages of a run.
 *
 * @param size - the bytes of each, before compression
 * @param atOnce - the maximum number of messages in one write
 * @param compressed - whether the frames are compressed
 */
export function variedMessages(size: number, atOnce: number, compressed: boolean): VariedMessages {
  const texts = variedTexts(size);
  const frames = texts.map((text) =>
    compressed ? clientFrame(OPCODE.text | COMPRESSED, deflated(text)) : clientFrame(OPCODE.text, text),
  );
  // The first messages follow the last one, so that a write never has to be joined.
  const all = [...frames, ...Array.from({ length: atOnce }, (_, n) => frames[n % frames.length]!)];
  const bytes = Buffer.concat(all);
  const ends = [0];
  for (const frame of all) ends.push(ends.at(-1)! + frame.length);
  return {
    texts,
    firstByte: 0x80 | OPCODE.text | (compressed ? COMPRESSED : 0),
    frames(first, count) {
      const start = first % VARIED_MESSAGES;
      return bytes.subarray(ends[start], ends[start + count]);
    },
  };
}

/**
 * JSON texts of the given size, as an exchange or a charging station sends them: the same names, and values that differ.
 * They are the same in every run.
 *
 * @throws RangeError - if the size is too small for an object
 */
export function variedTexts(size: number): Buffer[] {
  const random = randomNumbers(size);
  return Array.from({ length: VARIED_MESSAGES }, (_, number) => variedText(size, number, random));
}

function variedText(size: number, number: number, random: () => number): Buffer {
  const rows: object[] = [];
  const text = (note: string): string => JSON.stringify({ id: number, type: "orders", rows, note });
  do rows.push(row(number * 10 + rows.length, random));
  while (text("").length <= size);
  rows.pop();
  const padding = size - text("").length;
  if (padding < 0) throw new RangeError(`a message of this kind has at least ${size - padding} bytes, not ${size}`);
  return Buffer.from(text(NOTE.repeat(Math.ceil(padding / NOTE.length)).slice(0, padding)));
}

function row(number: number, random: () => number): object {
  return {
    order: FIRST_ORDER + number,
    symbol: SYMBOLS[Math.floor(random() * SYMBOLS.length)],
    state: STATES[Math.floor(random() * STATES.length)],
    price: Math.round(random() * 1e4) / 100,
    quantity: 10 * Math.floor(random() * 100),
    at: new Date(FIRST_TIME + number * 250 + Math.floor(random() * 250)).toISOString(),
  };
}

/** The generator "mulberry32": numbers from 0 to 1 that are the same for the same seed. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
