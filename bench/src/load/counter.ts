import { OPCODE } from "../wire/frames.ts";

const PING = 0x80 | OPCODE.ping;

/**
 * Counts the answers in what a server sends, and reads no more of it than it must: the first byte of every frame.
 * The first answer is compared whole. All answers are alike, so their length is known; pings in between are stepped over
 * (no run lasts as long as a server waits for the pong), and anything else is an error.
 */
export class AnswerCounter {
  readonly #reply: Buffer;
  readonly #replyLength: number;
  readonly #firstByte: number;
  #verified = 0;
  /** Bytes still to come of the frame that the last chunk ended in. */
  #rest = 0;
  /** That frame is a ping: it does not count. */
  #aside = false;
  /** The last chunk ended after a ping's first byte. */
  #halfPing = false;

  constructor(reply: Buffer) {
    this.#reply = reply;
    this.#replyLength = reply.length;
    this.#firstByte = reply[0]!;
  }

  /**
   * Looks at the first `length` bytes of a chunk.
   *
   * @returns how many answers end in it
   * @throws Error - when the bytes are not what must come
   */
  count(chunk: Buffer, length: number): number {
    if (this.#verified < this.#replyLength) this.#verify(chunk, length);
    let count = 0;
    // Where the next frame begins, seen from this chunk.
    let end = this.#rest;
    if (end > 0 && end <= length && !this.#aside) count++;
    while (end < length) {
      if (chunk[end] === this.#firstByte && !this.#halfPing) {
        end += this.#replyLength;
        this.#aside = false;
        if (end <= length) count++;
      } else end = this.#stepOver(chunk, end, length);
    }
    this.#rest = end - length;
    return count;
  }

  /** A ping, whose header may be cut in two. Its end, seen from this chunk. */
  #stepOver(chunk: Buffer, start: number, length: number): number {
    if (!this.#halfPing && chunk[start] !== PING) {
      throw new Error(`a frame that is no answer: it begins with 0x${chunk[start]!.toString(16)}`);
    }
    this.#aside = true;
    const second = this.#halfPing ? start : start + 1;
    this.#halfPing = second >= length;
    return this.#halfPing ? length : second + 1 + chunk[second]!;
  }

  /** A ping before the first answer would fail here: no server sends one that early. */
  #verify(chunk: Buffer, length: number): void {
    const end = Math.min(length, this.#replyLength - this.#verified);
    if (this.#reply.compare(chunk, 0, end, this.#verified, this.#verified + end) !== 0) {
      throw new Error("the first answer is not the message that was sent");
    }
    this.#verified += end;
  }
}
