import { BlobQueue, type BlobQueueSink } from "../../src/connection/sending/blob-queue.ts";
import type { BlobLike, OutgoingMessage } from "../../src/connection/sending/outgoing-message.ts";
import { Opcode } from "../../src/protocol/opcodes.ts";
import { asBytes } from "../../src/protocol/bytes.ts";

/** A message to be sent: a string as text, bytes and a `Blob` as binary. */
export function outgoing(payload: string | Uint8Array | BlobLike, key?: string): OutgoingMessage {
  if (typeof payload === "string") return { opcode: Opcode.text, payload, key };
  return { opcode: Opcode.binary, payload: payload instanceof Uint8Array ? asBytes(payload) : payload, key };
}

/** A queue of a server, whose frames are not masked, that has begun to read its first `Blob`. */
export function startQueue(sink: BlobQueueSink, first: OutgoingMessage): BlobQueue {
  const queue = new BlobQueue(sink, first, false);
  queue.start();
  return queue;
}
