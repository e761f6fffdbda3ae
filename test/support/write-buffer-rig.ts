import { expect } from "vitest";
import { WriteBuffer } from "../../src/connection/sending/write-buffer.ts";
import { framesIn } from "./sent-frames.ts";
import { Wire, type WireOptions, turns } from "./wire.ts";
import { StreamWriter } from "../../src/connection/transport/stream-writer.ts";
import { attach } from "../../src/connection/transport/stream-events.ts";
import { encoderOf } from "../../src/connection/sending/encoders.ts";

function nothing(): void {
  // The far end of a rig sends nothing.
}

/** A write buffer on a stream in memory, and its counters. */
export type Rig = ReturnType<typeof rig>;

/** Makes one. */
export function rig({ socket = true, ...options }: WireOptions & { socket?: boolean } = {}) {
  const stream = new Wire(options);
  const writeBuffer = new WriteBuffer(new StreamWriter(stream, socket), encoderOf("server"));
  attach(stream, {
    onData: () => undefined,
    onDrain: () => writeBuffer.onDrain(),
    onTaken: nothing,
    onEnd: nothing,
    onStreamError: nothing,
    onStreamClose: nothing,
  });
  return { stream, writeBuffer, counts: () => [writeBuffer.written, writeBuffer.pending] };
}

/** A rig whose stream is full with one written message. */
export async function fullRig(options: Parameters<typeof rig>[0] = {}): Promise<Rig> {
  const full = rig({ highWaterMark: 1, ...options });
  full.stream.stick();
  full.writeBuffer.addText("first");
  await turns();
  expect([full.writeBuffer.writer.isFull, full.writeBuffer.written, full.writeBuffer.pending]).toEqual([true, 1, 0]);
  return full;
}

/** The number of messages whose last frame the far end has received. */
export function arrived(stream: Wire): number {
  return framesIn(stream.taken).filter(({ fin, opcode }) => fin && opcode < 8).length;
}
