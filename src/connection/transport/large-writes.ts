import type { Duplex } from "node:stream";

import type { Bytes } from "../../protocol/bytes.ts";
import { isHttp2Stream } from "../../handshake/http2-stream.ts";

/**
 * Bytes of a piece. A peer that still has to read 512 KiB gets its timeout once more (`bytes-in-flight.ts`), so one that reads takes a
 * piece in each of its timeouts.
 */
export const PIECE: number = 256 * 1024;

/** The large writes that a stream has not taken yet. */
const unfinished = new WeakMap<Duplex, number>();

/** Whether a write is so large that a stream of HTTP/2 should get it in pieces. One whose `_writev` somebody has replaced gets it whole. */
export function isLargeWrite(stream: Duplex, length: number): boolean {
  if (length <= PIECE || !isHttp2Stream(stream)) return false;
  return unfinished.has(stream) || !Object.hasOwn(stream, "_writev");
}

/**
 * Writes to a stream of HTTP/2 in pieces. Node says nothing of such a write before the stream has taken all of it: nobody could see that
 * its peer reads, slowly, and it would be closed at a timeout.
 *
 * @param taken is called when the stream has taken the last piece, or has failed
 * @returns whether the stream wants more
 */
export function writeInPieces(stream: Duplex, bytes: Bytes, taken: () => void): boolean {
  unfinished.set(stream, (unfinished.get(stream) ?? 0) + 1);
  // Node would join the pieces to one write again.
  Object.assign(stream, { _writev: undefined });
  let at = 0;
  for (; bytes.length - at > PIECE; at += PIECE) stream.write(bytes.subarray(at, at + PIECE));
  return stream.write(bytes.subarray(at), () => {
    const left = (unfinished.get(stream) ?? 1) - 1;
    unfinished.set(stream, left);
    if (left === 0) delete stream._writev;
    taken();
  });
}
