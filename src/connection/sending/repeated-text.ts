import type { Deflater } from "../../compression/codec.ts";
import { type Bytes, copyOf } from "../../protocol/bytes.ts";
import { serializeFrame } from "../../protocol/frame-encoder.ts";
import { FIN, ReservedBit } from "../../protocol/frame-header.ts";
import { Opcode } from "../../protocol/opcodes.ts";
import { afterEachTurn, requestTurnEnd } from "../transport/turn.ts";
import { type MessageCompressor, compressBy } from "./message-compressor.ts";

/** A text that is sent, and how it is compressed by itself. */
export class RepeatedText {
  readonly text: string;
  readonly deflater: Deflater;
  /** It was sent before: then many connections probably get it. */
  isRepeated = false;
  /** The compressed payload; null: the text does not get smaller; undefined: not known yet. */
  #compressed: Bytes | null | undefined;
  #frame: Bytes | undefined;

  constructor(text: string, deflater: Deflater) {
    this.text = text;
    this.deflater = deflater;
  }

  /** Notes the result of the deflater. It is copied. */
  noteCompressed(compressed: Bytes | undefined): void {
    this.#compressed = compressed === undefined ? null : copyOf(compressed);
  }

  /** Its frame, for all connections with the same window. Undefined: the text does not get smaller. */
  get frame(): Bytes | undefined {
    if (this.#compressed === undefined) this.noteCompressed(compressBy(this.text, this.deflater));
    if (this.#frame === undefined && this.#compressed)
      this.#frame = serializeFrame(Opcode.text | FIN | ReservedBit.rsv1, this.#compressed);
    return this.#frame;
  }
}

/** The last text that was compressed in this turn, on any connection. So a loop over all connections compresses it once. */
let last: RepeatedText | undefined;

/** Returns what is known of a text that was the last one too, with the same window; and notes a text that was not. */
export function noteText(text: string, { alone }: MessageCompressor): RepeatedText {
  if (last?.text === text && last.deflater === alone) {
    last.isRepeated = true;
    return last;
  }
  if (last === undefined) requestTurnEnd();
  last = new RepeatedText(text, alone);
  return last;
}

afterEachTurn(() => {
  last = undefined;
});
