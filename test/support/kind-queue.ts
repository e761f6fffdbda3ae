import { SharedMessage } from "../../src/connection/sending/outgoing-message.ts";
import { type QueuedMessage, SendQueue } from "../../src/connection/sending/send-queue.ts";
import { asBytes } from "../../src/protocol/bytes.ts";
import { Opcode } from "../../src/protocol/opcodes.ts";

/** What is added to a queue: a text or a binary message, each as bytes, or a whole frame. */
export type Kind = "text" | "binary" | "frame";

/** A message for many receivers whose frame is any bytes. */
class AnyFrame extends SharedMessage {
  override readonly frame;

  constructor(bytes: Uint8Array, key: string | undefined) {
    super({ opcode: Opcode.text, payload: "", key });
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
    if (kind === "text") return this.add({ opcode: Opcode.text, payload: Buffer.from(bytes).toString(), key });
    return this.add({ opcode: Opcode.binary, payload: asBytes(bytes), key });
  }
}

/** The kind of a message in a queue. */
export function kindOf({ isFrame, opcode }: QueuedMessage): Kind {
  if (isFrame) return "frame";
  return opcode === Opcode.text ? "text" : "binary";
}
