import type { Deflater } from "../../compression/codec.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import { serializeFrame } from "../../protocol/frame-encoder.ts";
import { FIN, ReservedBit } from "../../protocol/frame-header.ts";
import { Opcode } from "../../protocol/opcodes.ts";
import { afterEachTurn, requestTurnEnd } from "../transport/turn.ts";
import { type MessageCompressor, compressAlone } from "./message-compressor.ts";

// The last text that was compressed, and its frame if the same text was sent again in this turn, on any connection. So a loop
// over all connections compresses it twice, whatever their number is.
let lastText: string | undefined;
let lastDeflater: Deflater | undefined;
let lastFrame: Bytes | undefined;

/**
 * The compressed frame of a text that was the last one too, with the same parameters: then many connections probably get it.
 * Undefined: it was another text, or it does not get smaller.
 */
export function compressedFrameIfRepeated(text: string, { alone }: MessageCompressor): Bytes | undefined {
  const isRepeated = text === lastText && alone === lastDeflater;
  if (!isRepeated) {
    if (lastText === undefined) requestTurnEnd();
    lastText = text;
    lastDeflater = alone;
    lastFrame = undefined;
  } else if (lastFrame === undefined) {
    const compressed = compressAlone(text, alone);
    lastFrame = compressed && serializeFrame(Opcode.text | FIN | ReservedBit.rsv1, compressed);
  }
  return lastFrame;
}

afterEachTurn(() => {
  lastText = lastDeflater = lastFrame = undefined;
});
