import type { BlobLike, OutgoingMessage } from "../../src/connection/sending/outgoing-message.ts";
import { Opcode } from "../../src/protocol/opcodes.ts";
import { asBytes } from "../../src/protocol/bytes.ts";

/** A message to be sent: a string as text, bytes and a `Blob` as binary. */
export function outgoing(payload: string | Uint8Array | BlobLike, key?: string): OutgoingMessage {
  if (typeof payload === "string") return { opcode: Opcode.text, payload, key };
  return { opcode: Opcode.binary, payload: payload instanceof Uint8Array ? asBytes(payload) : payload, key };
}
