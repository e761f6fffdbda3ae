import { InvalidArgumentError } from "../../errors/errors.ts";
import { type Bytes, asBytes } from "../../protocol/bytes.ts";
import { MessageBuffer } from "../../protocol/message-buffer.ts";
import { type DataOpcode, Opcode } from "../../protocol/opcodes.ts";
import { describe } from "../../util/describe.ts";
import { memoryChangedError } from "../transport/direct-write.ts";
import { bytesIn } from "./outgoing-message.ts";

/**
 * The most bytes of a fragment: one read of a socket. Control frames go between fragments, and the application may use the memory
 * of its chunk again when it is asked for the next one, so each is copied.
 */
export const FRAGMENT_SIZE = 64 * 1024;

/**
 * What comes next from a stream, until it is sent as one fragment: short chunks are joined, and long ones are cut. A text may be cut
 * anywhere, also inside a surrogate pair.
 */
export class Fragment {
  #opcode: DataOpcode | undefined;
  #buffer = new MessageBuffer(true);
  /** The first half of a surrogate pair, at the end of the last chunk. */
  #half = "";

  /** Text if the first chunk was a string; otherwise binary. */
  get opcode(): DataOpcode {
    return this.#opcode ?? Opcode.binary;
  }

  /** The bytes that wait. */
  get length(): number {
    return this.#buffer.length;
  }

  /**
   * Splits a chunk into parts that fit in a fragment.
   *
   * @throws {InvalidArgumentError} for a chunk that is neither a string nor bytes, or not of the same kind as the first
   * @throws {HawserError} if its memory is transferred or shrunk between two parts: the message would be short, and nobody would know
   */
  *parts(chunk: unknown): Generator<Bytes, void> {
    const bytes = this.#bytesOf(chunk);
    const { length } = bytes;
    for (let at = 0; at < length;) {
      if (bytes.length !== length) throw memoryChangedError();
      const part = bytes.subarray(at, at + FRAGMENT_SIZE - this.length);
      at += part.length;
      yield part;
    }
  }

  /** Adds a part. It is copied. */
  add(part: Bytes): void {
    this.#buffer.append(part, 0, part.length, 0);
  }

  /** The source has ended. A half of a surrogate pair has no other: U+FFFD is sent for it, as for a text. */
  end(): void {
    if (this.#half !== "") this.add(asBytes(Buffer.from(this.#half)));
    this.#half = "";
  }

  /** Takes the bytes that wait, in memory of their own. */
  take(): Bytes {
    const { bytes, length } = this.#buffer;
    this.#buffer = new MessageBuffer(true);
    return bytes.subarray(0, length);
  }

  #bytesOf(chunk: unknown): Bytes {
    const bytes = typeof chunk === "string" ? this.#encode(chunk) : bytesOfChunk(chunk);
    const opcode = typeof chunk === "string" ? Opcode.text : Opcode.binary;
    this.#opcode ??= opcode;
    if (opcode === this.#opcode) return bytes;
    throw new InvalidArgumentError("send: a stream gives either strings or bytes, and this one has given both");
  }

  #encode(chunk: string): Bytes {
    const text = this.#half + chunk;
    const last = text.charCodeAt(text.length - 1);
    const isHalf = last >= 0xd800 && last < 0xdc00;
    this.#half = isHalf ? text.slice(-1) : "";
    return asBytes(Buffer.from(isHalf ? text.slice(0, -1) : text));
  }
}

function bytesOfChunk(chunk: unknown): Bytes {
  const bytes = typeof chunk === "object" && chunk !== null ? bytesIn(chunk) : undefined;
  if (bytes !== undefined) return bytes;
  const what = typeof chunk === "object" && chunk !== null ? "an object" : describe(chunk);
  throw new InvalidArgumentError(`send: expected a stream of strings or bytes, got ${what} in it`);
}
