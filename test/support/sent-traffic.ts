import { type Sent, framesIn } from "./sent-frames.ts";

/** What a server sent, messages apart from control frames. */
export interface Traffic {
  /** The messages, whole, as text: binary ones are read as UTF-8 too. */
  readonly messages: readonly string[];
  /** Pings, pongs and close frames. */
  readonly controls: readonly Sent[];
  /** Data frames that came after a close frame: there must be none (RFC 6455 5.5.1). */
  readonly behindClose: number;
}

const CONTROLS: Readonly<Record<number, string>> = { 8: "close", 9: "ping", 10: "pong" };

/**
 * Joins fragments, so that a message is one entry however it was cut. Throws at what no server may send.
 *
 * @param bytes - What was sent.
 * @param mayBeCut - The connection was lost: the last message need not be whole.
 */
export function trafficIn(bytes: Uint8Array, mayBeCut = false): Traffic {
  const messages: string[] = [];
  const controls: Sent[] = [];
  let open: Buffer[] | undefined;
  let closed = false;
  let behindClose = 0;
  for (const { fin, opcode, payload } of framesIn(mayBeCut ? wholeFrames(bytes) : bytes)) {
    const control = CONTROLS[opcode];
    if (control !== undefined) {
      if (!fin || payload.length > 125) throw new Error(`a ${control} that is none`);
      controls.push([control, payload.toString("hex")]);
      closed ||= opcode === 8;
      continue;
    }
    if (closed) behindClose++;
    if ((opcode === 0) !== (open !== undefined)) throw new Error("fragments of two messages are mixed");
    open = [...(open ?? []), payload];
    if (!fin) continue;
    messages.push(Buffer.concat(open).toString());
    open = undefined;
  }
  // A close frame may come in the middle of an unfinished message (RFC 6455 5.4).
  if (open !== undefined && !mayBeCut && !closed) throw new Error("the last message is not whole");
  return { messages, controls, behindClose };
}

/** The frames that are whole. */
function wholeFrames(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  for (;;) {
    if (at + 2 > bytes.length) return bytes.subarray(0, at);
    const short = view.getUint8(at + 1) & 0x7f;
    const body = at + (short < 126 ? 2 : short === 126 ? 4 : 10);
    if (body > bytes.length) return bytes.subarray(0, at);
    const length = short < 126 ? short : short === 126 ? view.getUint16(at + 2) : Number(view.getBigUint64(at + 2));
    if (body + length > bytes.length) return bytes.subarray(0, at);
    at = body + length;
  }
}
