import { MessageInflater } from "../wire/deflate.ts";
import { OPCODE } from "../wire/frames.ts";
import type { VariedMessages } from "../wire/varied.ts";

const PING = 0x80 | OPCODE.ping;

// The first answers of each connection are read and compared. Of the others only the first byte is checked.
const CHECKED = 8;

/**
 * Counts answers that have different lengths. Of the first answers of a connection it compares the message with the one that was
 * sent. They must be compressed if the connection is: a server that sends plain answers is not faster, it does less. It skips pings.
 */
export class VariedCounter {
  readonly #messages: VariedMessages;
  readonly #compressed: boolean;
  readonly #inflater = new MessageInflater();
  /** The number of the message whose answer is next. Only the first answers need it. */
  #next: number;
  #checked = 0;
  /** The header of the current frame, as far as it has arrived. */
  readonly #header = Buffer.alloc(10);
  #headerLength = 0;
  #isPing = false;
  /** The bytes of the current payload that are missing. */
  #rest = 0;
  /** The parts of the current payload, while answers are compared. */
  #parts: Buffer[] = [];

  /**
   * @param messages - what is sent
   * @param compressed - whether answers must be compressed
   * @param first - the number of the message whose answer comes first
   */
  constructor(messages: VariedMessages, compressed: boolean, first: number) {
    this.#messages = messages;
    this.#compressed = compressed;
    this.#next = first;
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
        this.#readHeaderByte(chunk[at]!);
        at++;
        continue;
      }
      const end = Math.min(length, at + this.#rest);
      if (this.#checked < CHECKED && !this.#isPing) this.#parts.push(Buffer.from(chunk.subarray(at, end)));
      this.#rest -= end - at;
      at = end;
      if (this.#rest > 0 || this.#isPing) continue;
      if (this.#checked < CHECKED) this.#check();
      count++;
    }
    return count;
  }

  #readHeaderByte(byte: number): void {
    const header = this.#header;
    header[this.#headerLength++] = byte;
    if (this.#headerLength < 2) return;
    const short = header[1]!;
    if (this.#headerLength < (short < 126 ? 2 : short === 126 ? 4 : 10)) return;
    this.#rest = short < 126 ? short : short === 126 ? header.readUInt16BE(2) : Number(header.readBigUInt64BE(2));
    this.#headerLength = 0;
    this.#isPing = header[0] === PING;
    if (header[0] !== this.#messages.firstByte && !this.#isPing) this.#refuse(header[0]!);
    if (this.#rest === 0 && !this.#isPing) throw new Error("an answer is empty");
  }

  #refuse(first: number): never {
    if (this.#compressed && first === (0x80 | OPCODE.text)) throw new Error("an answer is not compressed");
    throw new Error(`a frame is not an answer: its first byte is 0x${first.toString(16)}`);
  }

  #check(): void {
    const payload = Buffer.concat(this.#parts);
    this.#parts = [];
    const message = this.#compressed ? this.#inflater.inflate(payload) : payload;
    const { texts } = this.#messages;
    if (!message.equals(texts[this.#next % texts.length]!)) {
      throw new Error(`answer ${this.#checked + 1} of a connection is not the message that was sent`);
    }
    this.#checked++;
    this.#next++;
  }
}
