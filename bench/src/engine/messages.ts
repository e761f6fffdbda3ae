import { OPCODE, clientFrame, opcodeOf, payload, serverFrame } from "../wire/frames.ts";
import type { Message } from "./engine.ts";
import type { EngineWork } from "./work.ts";

/** The most bytes a message may have, for either side: the limit of ws. */
export const MAX_MESSAGE = 100 * 1024 * 1024;

/** Messages that are written in one turn. */
export const BATCH = 16;

// A slice of work is this many bytes, so that a parser finds it in the processor's cache, as it finds a socket's chunks;
// or a batch, if that is more. A writer, that does not read what it need not copy, gets enough for a clock to count.
const SLICE = 256 * 1024;
const LEAST_BATCHES = { parse: 1, write: 16 } as const;

// What libuv reads from a socket at most.
const CHUNK = 64 * 1024;

const FIN = 0x80;

/** The payloads of one slice; neighbours differ, so that a wrong order is seen. */
export function payloadsOf(work: EngineWork): Buffer[] {
  const size = work.size * work.fragments;
  const alphabet = payload(size + BATCH, work.format);
  const different = Array.from({ length: BATCH }, (_, i) => Buffer.from(alphabet.subarray(i, i + size)));
  const batches = Math.max(LEAST_BATCHES[work.part], Math.floor(SLICE / (size * BATCH)));
  return Array.from({ length: batches }, () => different).flat();
}

/** Payloads as users have them. */
export function messagesOf(work: EngineWork, payloads: readonly Buffer[]): Message[] {
  return work.format === "text" ? payloads.map((bytes) => bytes.toString()) : [...payloads];
}

/** The frames of a server that sends the payloads, one after the other. */
export function serverStream(work: EngineWork, payloads: readonly Buffer[]): Buffer {
  return Buffer.concat(payloads.map((bytes) => serverFrame(opcodeOf(work.format), bytes)));
}

/** The frames of a client that sends the payloads, in the chunks they arrive in; the last of them ends with a frame. */
export function clientChunks(work: EngineWork, payloads: readonly Buffer[]): Buffer[] {
  const frames = payloads.flatMap((bytes) => clientFrames(work, bytes));
  const stream = Buffer.concat(frames);
  // Cut anywhere: a chunk is as long as a frame on average.
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

/** From 1 to `below`, the same in every run and for every side: a linear congruential generator with a fixed seed. */
function randomLengths(below: number): () => number {
  let state = 42;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return 1 + Math.floor((state / 2 ** 32) * (below - 1));
  };
}
