import type { Engine } from "./engine.ts";
import { batchOf, clientChunks, messagesOf, payloadsOf, serverStream } from "./messages.ts";
import { CountingStream } from "./streams.ts";
import type { EngineWork } from "./work.ts";

/** A part of a workload that can be repeated: some thousand short messages, or a few long ones. */
export interface Slice {
  /** The number of messages in it. */
  readonly messages: number;
  /** The size of its output: characters and bytes of messages from a parser, bytes of frames from a writer. */
  readonly expectedOutput: number;
  /** The size of the output so far. */
  output(): number;
  /** Prepares its input. This is not measured. */
  prepare(): void;
  /** Runs it. */
  run(): void;
}

/** A slice of a workload for one engine. */
export function sliceOf(work: EngineWork, engine: Engine): Slice {
  return work.part === "parse" ? parseSlice(work, engine) : writeSlice(work, engine);
}

function parseSlice(work: EngineWork, engine: Engine): Slice {
  const payloads = payloadsOf(work);
  const originals = clientChunks(work, payloads);
  // Parsers unmask in place, so they get new copies each time, in memory of their own as a socket's chunks are. The copies
  // are made before the measurement: a cost that both engines share would move the ratio towards 1.
  const chunks = originals.map((chunk) => Buffer.allocUnsafeSlow(chunk.length));
  let output = 0;
  const parse = engine.parser((message) => {
    output += message.length;
  });
  return {
    messages: payloads.length,
    expectedOutput: payloads.length * work.fragments * work.size,
    output: () => output,
    prepare: () => chunks.forEach((chunk, i) => chunk.set(originals[i]!)),
    run: () => {
      for (const chunk of chunks) parse(chunk);
    },
  };
}

function writeSlice(work: EngineWork, engine: Engine): Slice {
  const payloads = payloadsOf(work);
  const messages = messagesOf(work, payloads);
  const batch = batchOf(work.size);
  const batches = Array.from({ length: messages.length / batch }, (_, i) => messages.slice(i * batch, (i + 1) * batch));
  const stream = new CountingStream();
  const write = engine.writer(stream);
  return {
    messages: messages.length,
    expectedOutput: serverStream(work, payloads).length,
    output: () => stream.bytes,
    prepare: () => undefined,
    run: () => {
      for (const batch of batches) write(batch);
    },
  };
}
