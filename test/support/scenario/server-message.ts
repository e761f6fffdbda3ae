import type { Message } from "hawser";
import type { Random } from "../../../fuzz/engine/random.ts";
import { PLAIN } from "./traits.ts";

/** Payloads of at most this many bytes are copied when they are sent: their memory may be used again at once. */
const COPIED = 16 * 1024;

/** A message, and what the application does with its memory after `send`. */
interface Outgoing {
  readonly message: Message;
  readonly afterwards: () => void;
}

/** A `Blob` that is read late. */
class LateBlob extends Blob {
  override async arrayBuffer(): Promise<ArrayBuffer> {
    await new Promise((resolve) => setTimeout(resolve, 2));
    return super.arrayBuffer();
  }
}

/** A text in one of the types that `send` accepts. */
export function messageOf(text: string, random: Random): Outgoing {
  const kind = random.below(12);
  if (kind < 6) return { message: text, afterwards: ignore };
  if (kind < 7) return { message: { m: text }, afterwards: ignore };
  const bytes = Buffer.from(text);
  if (kind < 8)
    return {
      message: new (bytes.length % 2 === 0 && !text.includes(`<s-${PLAIN}`) ? LateBlob : Blob)([bytes]),
      afterwards: ignore,
    };
  // A view in the middle of other memory.
  const around = Buffer.alloc(bytes.length + 16, "#");
  around.set(bytes, 8);
  const view = around.subarray(8, 8 + bytes.length);
  const afterwards = (): void => {
    if (bytes.length <= COPIED) around.fill("!");
  };
  if (kind < 10) return { message: view, afterwards };
  if (kind < 11) return { message: new DataView(view.buffer, view.byteOffset, view.length), afterwards };
  return { message: Uint8Array.from(bytes).buffer, afterwards: ignore };
}

function ignore(): void {
  // The application keeps its memory as it is.
}
