import { SharedMessage } from "../../src/connection/sending/shared-message.ts";
import { type QueuedMessage, SendQueue } from "../../src/connection/sending/send-queue.ts";
import { Compression } from "../../src/connection/sending/outgoing-message.ts";
import { outgoing } from "./outgoing.ts";
import { asBytes } from "../../src/protocol/bytes.ts";
import { Opcode } from "../../src/protocol/opcodes.ts";

/** What is added to a queue: a text or a binary message, each as bytes, or a whole frame. */
export type Kind = "text" | "binary" | "frame";

/** A message for many receivers whose frame is any bytes. */
class AnyFrame extends SharedMessage {
  override readonly frame;

  constructor(bytes: Uint8Array, key: string | undefined) {
    super({ opcode: Opcode.text, payload: "", key, compression: Compression.allowed });
    this.frame = asBytes(bytes);
  }
}

/** A send queue of a server, to which messages are added by their kind. */
export class KindQueue extends SendQueue {
  constructor() {
    super(true);
  }

  addKind(kind: Kind, bytes: Uint8Array, key?: string): boolean {
    if (kind === "frame") return this.add(new AnyFrame(bytes, key));
    if (kind === "text") return this.add(outgoing(Buffer.from(bytes).toString(), key));
    return this.add(outgoing(bytes, key));
  }
}

/** The kind of a message in a queue. */
export function kindOf({ message }: QueuedMessage): Kind {
  if (message instanceof AnyFrame) return "frame";
  return message.opcode === Opcode.text ? "text" : "binary";
}

/** The bytes of a message in a queue. */
export function bytesOf({ message }: QueuedMessage): Uint8Array {
  return message instanceof AnyFrame ? message.frame : (message.payload as Uint8Array);
}
