import { type Bytes, copyOf } from "../../protocol/bytes.ts";
import { ReservedBit } from "../../protocol/frame-header.ts";
import type { DataOpcode } from "../../protocol/opcodes.ts";
import { MAX_COPIED } from "../transport/stream-writer.ts";
import type { MessageCompressor } from "./message-compressor.ts";
import { Compression, type OutgoingMessage } from "./outgoing-message.ts";
import { type RepeatedText, noteText } from "./repeated-text.ts";
import { SharedMessage, payloadOf, sharedFrameOf } from "./shared-message.ts";
import { frameIfRepeated } from "./text-frames.ts";
import type { WriteBuffer } from "./write-buffer.ts";

/**
 * Adds a message to a write buffer. Its `Blob` has been read.
 *
 * @param compressor undefined: the connection does not compress
 */
export function addMessage(
  buffer: WriteBuffer,
  message: OutgoingMessage,
  compressor: MessageCompressor | undefined,
): void {
  if (compressor !== undefined && addCompressed(buffer, message, compressor)) return;
  const { opcode, payload } = message;
  const frame = sharedFrameOf(message, buffer.sharesFrames);
  if (frame !== undefined) buffer.addShared(frame);
  else if (typeof payload === "string") addText(buffer, payload);
  else buffer.addMessage(opcode, payload as Bytes);
}

/** Adds a text. If the text before it was the same, other connections probably send it too. */
export function addText(buffer: WriteBuffer, text: string): void {
  const frame = buffer.sharesFrames ? frameIfRepeated(text) : undefined;
  if (frame === undefined) buffer.addText(text);
  else buffer.addShared(frame);
}

/** Adds a message compressed (RFC 7692 6.1). Returns false, and adds nothing, if it must be sent as it is. */
function addCompressed(buffer: WriteBuffer, message: OutgoingMessage, compressor: MessageCompressor): boolean {
  const { opcode, compression } = message;
  const payload = message.payload as string | Bytes;
  if (compression === Compression.forbidden) return false;
  if (compression === Compression.done) {
    compressor.forgetHistory();
    buffer.addMessage(opcode | ReservedBit.rsv1, payload as Bytes);
    return true;
  }
  if (!compressor.isWorth(payload)) return false;
  if (message instanceof SharedMessage)
    return addCompressedFrame(buffer, opcode, message.compressedFrame(compressor), compressor);
  const text = textForMany(payload, compressor, buffer.sharesFrames);
  if (text?.isRepeated === true) return addCompressedFrame(buffer, opcode, text.frame, compressor);
  const compressed = compressor.compress(payload);
  if (compressor.isStateless) text?.noteCompressed(compressed);
  if (compressed === undefined) return false;
  buffer.addMessage(opcode | ReservedBit.rsv1, compressed.length > MAX_COPIED ? copyOf(compressed) : compressed);
  return true;
}

/** Adds what was compressed by itself. A client masks each frame, so only its payload is of use. */
function addCompressedFrame(
  buffer: WriteBuffer,
  opcode: DataOpcode,
  frame: Bytes | undefined,
  compressor: MessageCompressor,
): boolean {
  if (frame === undefined) return false;
  compressor.forgetHistory();
  if (buffer.sharesFrames) buffer.addShared(frame);
  else buffer.addMessage(opcode | ReservedBit.rsv1, payloadOf(frame));
  return true;
}

/**
 * A text that a loop may send to many connections. Undefined: it is for this one alone. A connection with a history compresses by
 * itself also what others send: that is smaller, and keeps the history. One that has none does not take another's for it.
 */
function textForMany(
  payload: string | Bytes,
  compressor: MessageCompressor,
  sharesFrames: boolean,
): RepeatedText | undefined {
  const isForMany = sharesFrames && !compressor.keepsHistory && typeof payload === "string";
  return isForMany ? noteText(payload, compressor) : undefined;
}
