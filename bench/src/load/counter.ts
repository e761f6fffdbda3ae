import { OPCODE } from "../wire/frames.ts";

const PING = 0x80 | OPCODE.ping;

/**
 * Counts the answers of a server. It reads only the first byte of each frame, except of the first answer, which it compares
 * completely. All answers are equal, so their length is known. It skips pings, and sends no pong: a run is shorter than the
 * time that servers wait for one. Any other frame is an error.
 */
export class AnswerCounter {
  readonly #reply: Buffer;
  readonly #replyLength: number;
  readonly #firstByte: number;
  #verified = 0;
  /** The bytes that are missing of the last frame. */
  #frameRest = 0;
  /** Whether that frame is a ping, which does not count. */
  #isPing = false;
  /** Whether the last chunk ended after the first byte of a ping. */
  #halfPing = false;

  constructor(reply: Buffer) {
    this.#reply = reply;
    this.#replyLength = reply.length;
    this.#firstByte = reply[0]!;
  }

  /**
   * Reads the first `length` bytes of a chunk.
   *
   * @returns the number of answers that end in it
   * @throws Error - if the bytes are not the expected ones
   */
  count(chunk: Buffer, length: number): number {
    if (this.#verified < this.#replyLength) this.#verify(chunk, length);
    let count = 0;
    // The position of the next frame, relative to this chunk.
    let end = this.#frameRest;
    if (end > 0 && end <= length && !this.#isPing) count++;
    while (end < length) {
      if (chunk[end] === this.#firstByte && !this.#halfPing) {
        end += this.#replyLength;
        this.#isPing = false;
        if (end <= length) count++;
      } else end = this.#skipPing(chunk, end, length);
    }
    this.#frameRest = end - length;
    return count;
  }

  /** Skips a ping, whose header may be cut. Returns the end of the ping, relative to this chunk. */
  #skipPing(chunk: Buffer, start: number, length: number): number {
    if (!this.#halfPing && chunk[start] !== PING) {
      throw new Error(`a frame is not an answer: its first byte is 0x${chunk[start]!.toString(16)}`);
    }
    this.#isPing = true;
    const second = this.#halfPing ? start : start + 1;
    this.#halfPing = second >= length;
    return this.#halfPing ? length : second + 1 + chunk[second]!;
  }

  /** Compares the first answer. A ping before it would fail here, but no server sends one so early. */
  #verify(chunk: Buffer, length: number): void {
    const end = Math.min(length, this.#replyLength - this.#verified);
    if (this.#reply.compare(chunk, 0, end, this.#verified, this.#verified + end) !== 0) {
      throw new Error("the first answer is not the message that was sent");
    }
    this.#verified += end;
  }
}
