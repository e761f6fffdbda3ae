import { OPCODE, clientFrame, opcodeOf, payload, serverFrame } from "../wire/frames.ts";
import type { Message } from "./engine.ts";
import type { EngineWork } from "./work.ts";

/** The maximum size of a message, for both engines: the default limit of ws. */
export const MAX_MESSAGE = 100 * 1024 * 1024;

// The most that is written in one turn. Hawser gives a stream at most 1 MiB that waits; these streams have no "drain" event.
const MAX_BATCH_BYTES = 512 * 1024;
const MAX_BATCH = 16;

/** The number of messages of this size (in bytes) that are written in one turn. */
export function batchOf(size: number): number {
  return Math.min(MAX_BATCH, Math.max(1, Math.floor(MAX_BATCH_BYTES / size)));
}

// A slice has this many bytes, or one batch if that is more. So it fits into the processor's cache, as a socket's chunks do.
// A writer does not read bytes that it does not copy. It gets at least 16 batches, so that the time can be measured.
const SLICE = 256 * 1024;
const MIN_BATCHES = { parse: 1, write: 16 } as const;

// The most that libuv reads from a socket at once.
const CHUNK = 64 * 1024;

const FIN = 0x80;

/** The payloads of one slice. Successive ones differ, so that a wrong order is noticed. */
export function payloadsOf(work: EngineWork): Buffer[] {
  const size = work.size * work.fragments;
  const batch = batchOf(size);
  const alphabet = payload(size + batch, work.format);
  const different = Array.from({ length: batch }, (_, i) => Buffer.from(alphabet.subarray(i, i + size)));
  const batches = Math.max(MIN_BATCHES[work.part], Math.floor(SLICE / (size * batch)));
  return Array.from({ length: batches }, () => different).flat();
}

/** The payloads as applications use them. */
export function messagesOf(work: EngineWork, payloads: readonly Buffer[]): Message[] {
  return work.format === "text" ? payloads.map((bytes) => bytes.toString()) : [...payloads];
}

/** The frames of a server for these payloads. */
export function serverStream(work: EngineWork, payloads: readonly Buffer[]): Buffer {
  return Buffer.concat(payloads.map((bytes) => serverFrame(opcodeOf(work.format), bytes)));
}

/** The frames of a client for these payloads, in the chunks in which they arrive. The last chunk ends with a frame. */
export function clientChunks(work: EngineWork, payloads: readonly Buffer[]): Buffer[] {
  const frames = payloads.flatMap((bytes) => clientFrames(work, bytes));
  const stream = Buffer.concat(frames);
  // If it is cut anywhere, the average chunk is as long as a frame.
  const nextLength = work.cut ? randomLengths((2 * stream.length) / frames.length) : () => CHUNK;
  const chunks: Buffer[] = [];
  for (let at = 0; at < stream.length; at += chunks.at(-1)!.length) {
    chunks.push(stream.subarray(at, at + nextLength()));
  }
  return chunks;
}

function clientFrames(work: EngineWork, bytes: Buffer): Buffer[] {
  return Array.from({ length: work.fragments }, (_, i) => {
    const opcode = i === 0 ? opcodeOf(work.format) : OPCODE.continuation;
    const frame = clientFrame(opcode, bytes.subarray(i * work.size, (i + 1) * work.size));
    if (i < work.fragments - 1) frame[0]! &= ~FIN;
    return frame;
  });
}

/** Pseudo-random numbers from 1 to `below`, the same in every run: a linear congruential generator with a fixed seed. */
function randomLengths(below: number): () => number {
  let state = 42;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return 1 + Math.floor((state / 2 ** 32) * (below - 1));
  };
}
