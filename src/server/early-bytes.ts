import type { Duplex } from "node:stream";

/** Bytes that are read before the answers to earlier requests. Then reading pauses. */
const MAX_EARLY = 65_536;

/**
 * Reads a socket while earlier requests on it wait for their answers, so that a client that leaves is seen. As in Node, the end of
 * what it sends ends the socket.
 *
 * @returns a function that ends this, and returns what was read
 */
export function readEarly(socket: Duplex): () => Buffer {
  const chunks: Buffer[] = [];
  let size = 0;
  const onData = (chunk: Buffer): void => {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= MAX_EARLY) socket.pause();
  };
  const onEnd = (): void => {
    socket.end();
  };
  socket.on("data", onData).once("end", onEnd);
  return () => {
    socket.off("data", onData).off("end", onEnd);
    return Buffer.concat(chunks);
  };
}
