import type { ProtocolErrorCode } from "../errors/table.ts";
import type { Bytes } from "./bytes.ts";
import type { StreamedBody } from "./message-body.ts";
import { MessageBuffer } from "./message-buffer.ts";
import { rotateKey } from "./mask.ts";
import { type DataOpcode, Opcode } from "./opcodes.ts";
import type { ReaderRules } from "./reader-rules.ts";
import { UTF8_BAD, UTF8_START } from "./utf8.ts";

/** A message that arrives in several chunks or fragments: the bytes so far, and the frame that is being read. */
export class MessageAssembler {
  readonly opcode: DataOpcode;
  /** What the payload is written to. */
  readonly body: MessageBuffer | StreamedBody;
  /** The message must be decoded when it is complete. */
  readonly transformed: boolean;
  /** The bytes of the current frame that have not arrived yet. */
  remaining = 0;
  /** The bytes are checked as UTF-8 as they arrive. */
  readonly #isText: boolean;
  #key = 0;
  #fin = false;
  #utf8 = UTF8_START;
  /** The OR of all bytes of a text. */
  #byteOr = 0;
  /** The number of its fragments so far. */
  #fragments = 0;

  /**
   * @param body what the payload is written to
   * @param transformed whether the message must be decoded when it is complete: its UTF-8 is not checked before
   */
  constructor(opcode: DataOpcode, body: MessageBuffer | StreamedBody, transformed = false) {
    this.opcode = opcode;
    this.body = body;
    this.transformed = transformed;
    this.#isText = opcode === Opcode.text && !transformed;
  }

  /** The bytes of it that wait until it is complete, or until somebody reads them. */
  get waitingBytes(): number {
    return this.body instanceof MessageBuffer ? this.body.length : this.body.waitingBytes;
  }

  /** True for a text without a byte above 0x7f. */
  get ascii(): boolean {
    return this.opcode === Opcode.text && this.#byteOr < 0x80;
  }

  /** True when all frames have arrived. */
  get isComplete(): boolean {
    return this.remaining === 0 && this.#fin;
  }

  /** Where the next bytes of the current frame may be read to, if that saves a copy. Then it is the chunk of `append`. */
  get target(): Bytes | undefined {
    return this.body instanceof MessageBuffer ? this.body.target(this.remaining) : undefined;
  }

  /** The rest of the message is not read. `cause`: why, if an error is the reason. */
  release(cause?: Error): void {
    if (this.body instanceof MessageBuffer) this.body.release();
    else this.body.cut(cause);
  }

  /** Begins a data frame. Its limits are checked before memory is reserved. */
  beginFrame(
    rules: ReaderRules,
    opcode: number,
    fin: boolean,
    length: number,
    key: number,
  ): ProtocolErrorCode | undefined {
    const refused = this.#refusedFrame(rules, opcode, fin, length);
    if (refused !== undefined) return refused;
    this.remaining = length;
    this.#key = key;
    this.#fin = fin;
    return undefined;
  }

  /** Adds `chunk[start, end)`, a part of the current frame. Returns false at the first byte that is not UTF-8. */
  append(rules: ReaderRules, chunk: Bytes, start: number, end: number): boolean {
    this.remaining -= end - start;
    if (end > start) {
      if (!this.#isText) this.body.appendMasked(chunk, start, end, this.remaining, this.#key);
      else if (!this.#appendText(rules, chunk, start, end)) return false;
      this.#key = rotateKey(this.#key, end - start);
    }
    return !this.isComplete || this.#utf8 === UTF8_START;
  }

  #refusedFrame(rules: ReaderRules, opcode: number, fin: boolean, length: number): ProtocolErrorCode | undefined {
    // A stream takes no memory for its fragments, and the turn budget limits their time.
    if (!(this.body instanceof MessageBuffer)) return this.body.beginFrame(length);
    const most = this.transformed ? rules.maxTransformedSize : rules.maxMessageSize;
    if (length + this.body.length > most) return "HWS_MESSAGE_TOO_BIG";
    if (opcode === Opcode.continuation || !fin) {
      this.#fragments++;
      if (this.#fragments > rules.maxFragments) return "HWS_TOO_MANY_FRAGMENTS";
    }
    return undefined;
  }

  #appendText(rules: ReaderRules, chunk: Bytes, start: number, end: number): boolean {
    const byteOr = rules.unmaskText(chunk, start, end, this.#key);
    this.#byteOr |= byteOr;
    if (byteOr > 0x7f || this.#utf8 !== UTF8_START) {
      // RFC 6455 8.1: fail at the first invalid byte, not at the end of the message.
      this.#utf8 = rules.checkUtf8(chunk, start, end, this.#utf8);
      if (this.#utf8 === UTF8_BAD) return false;
    }
    this.body.append(chunk, start, end, this.remaining);
    return true;
  }
}
