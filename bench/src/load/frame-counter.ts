import { OPCODE } from "../wire/frames.ts";
import type { Counter } from "./traffic.ts";

const TEXT = 0x80 | OPCODE.text;
const PING = 0x80 | OPCODE.ping;
const LENGTH_16 = 126;
const MAX_HEADER = 4;

/**
 * Counts answers of which each has a position of its own, so that their lengths differ. It reads the header of every frame, and searches
 * the first answer for the message. It skips pings. Any other frame is an error.
 */
export class FrameCounter implements Counter {
  readonly #message: Buffer;
  /** The bytes of a header that was cut. */
  readonly #header = Buffer.alloc(MAX_HEADER);
  #headerLength = 0;
  /** The bytes that are missing of the payload. */
  #rest = 0;
  #isPing = false;
  /** The payload of the first answer so far; undefined: it was checked. */
  #first: Buffer | undefined = Buffer.alloc(0);

  /** @param message - what each answer contains */
  constructor(message: Buffer) {
    this.#message = message;
  }

  /**
   * Reads the first `length` bytes of a chunk.
   *
   * @returns the number of answers that end in it
   * @throws Error - if the bytes are not the expected ones
   */
  count(chunk: Buffer, length: number): number {
    let count = 0;
    for (let at = 0; at < length;) {
      if (this.#rest === 0) {
        at = this.#readHeader(chunk, at, length);
        continue;
      }
      const end = Math.min(length, at + this.#rest);
      if (this.#first !== undefined && !this.#isPing) this.#check(chunk.subarray(at, end), end - at === this.#rest);
      this.#rest -= end - at;
      at = end;
      if (this.#rest === 0 && !this.#isPing) count++;
    }
    return count;
  }

  /** Reads bytes of a header, and returns where it ends, or the chunk. An empty ping has no payload to skip. */
  #readHeader(chunk: Buffer, start: number, length: number): number {
    let at = start;
    while (at < length) {
      this.#header[this.#headerLength++] = chunk[at++]!;
      const [first, small] = [this.#header[0]!, this.#header[1]!];
      if (first !== TEXT && first !== PING) throw new Error(`a frame begins with 0x${first.toString(16)}`);
      if (this.#headerLength < 2 || (small === LENGTH_16 && this.#headerLength < MAX_HEADER)) continue;
      if (small > LENGTH_16) throw new Error("a frame is too long");
      this.#isPing = first === PING;
      this.#rest = small === LENGTH_16 ? this.#header.readUInt16BE(2) : small;
      this.#headerLength = 0;
      break;
    }
    return at;
  }

  #check(bytes: Buffer, isWhole: boolean): void {
    this.#first = Buffer.concat([this.#first!, bytes]);
    if (!isWhole) return;
    if (!this.#first.includes(this.#message)) throw new Error("the first answer is not the message that was sent");
    this.#first = undefined;
  }
}
