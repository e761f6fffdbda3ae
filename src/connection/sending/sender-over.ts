import type { Duplex } from "node:stream";

import { StreamWriter } from "../transport/stream-writer.ts";
import { encoderOf } from "./encoders.ts";
import type { MessageCompressor } from "./message-compressor.ts";
import { Sender, type SenderOwner } from "./sender.ts";
import { WriteBuffer } from "./write-buffer.ts";

/** The sender of a connection over a stream. */
export function senderOver(stream: Duplex, owner: SenderOwner, compressor: MessageCompressor | undefined): Sender {
  const buffer = new WriteBuffer(new StreamWriter(stream), encoderOf(owner.settings.role));
  return new Sender(buffer, owner, compressor);
}
