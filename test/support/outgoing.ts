import { PreparationQueue, type PreparationSink } from "../../src/connection/sending/preparation-queue.ts";
import { type BlobLike, Compression, type OutgoingMessage } from "../../src/connection/sending/outgoing-message.ts";
import { Opcode } from "../../src/protocol/opcodes.ts";
import { asBytes } from "../../src/protocol/bytes.ts";

/** A message to be sent: a string as text, bytes and a `Blob` as binary. */
export function outgoing(payload: string | Uint8Array | BlobLike, key?: string): OutgoingMessage {
  const compression = Compression.allowed;
  if (typeof payload === "string") return { opcode: Opcode.text, payload, key, compression };
  return {
    opcode: Opcode.binary,
    payload: payload instanceof Uint8Array ? asBytes(payload) : payload,
    key,
    compression,
  };
}

/** A queue of a server, whose frames are not masked, that has begun to read its first `Blob`. */
export function startQueue(sink: PreparationSink, first: OutgoingMessage): PreparationQueue {
  const queue = new PreparationQueue(sink, first, false);
  queue.start();
  return queue;
}
