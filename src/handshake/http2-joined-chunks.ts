import type { Duplex } from "node:stream";

/** Bytes of a chunk that is kept as it came. A smaller one is copied into a block. */
const BLOCK = 4096;

/**
 * Joins what a stream of HTTP/2 receives while it is not read. Node makes a buffer for each frame, which takes a hundred bytes and keeps
 * the memory of a whole read of the socket: a peer that fills its window with frames of one byte would take a hundred times as much.
 */
export function joinWhatWaits(stream: Duplex): void {
  const push = stream.push.bind(stream);
  let block: Buffer | undefined;
  let used = 0;
  const flush = (): void => {
    if (block === undefined) return;
    const bytes = block.subarray(0, used);
    block = undefined;
    used = 0;
    push(bytes);
  };
  stream.push = (chunk: Buffer | null, encoding?: BufferEncoding): boolean => {
    if (chunk === null || stream.readableFlowing === true || chunk.length >= BLOCK) {
      flush();
      return push(chunk, encoding);
    }
    if (used + chunk.length > BLOCK) flush();
    block ??= Buffer.allocUnsafeSlow(BLOCK);
    chunk.copy(block, used);
    used += chunk.length;
    // Node stops to read, so that the peer gets no more window.
    return false;
  };
  // Before what waits is read.
  stream.on("resume", flush);
}
