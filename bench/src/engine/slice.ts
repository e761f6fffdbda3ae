import type { Engine } from "./engine.ts";
import { BATCH, clientChunks, messagesOf, payloadsOf, serverStream } from "./messages.ts";
import { CountingStream } from "./streams.ts";
import type { EngineWork } from "./work.ts";

/** A piece of work that can be done again and again: some thousand short messages, or a few long ones. */
export interface Slice {
  /** Messages in it. */
  readonly messages: number;
  /** What comes out of it: a parser's characters and bytes, a writer's bytes of frames. */
  readonly yield: number;
  /** What has come out so far. */
  came(): number;
  /** Puts its input in order; not measured. */
  renew(): void;
  /** Does it. */
  run(): void;
}

/** A slice of a work for one side. */
export function sliceOf(work: EngineWork, engine: Engine): Slice {
  return work.part === "parse" ? parseSlice(work, engine) : writeSlice(work, engine);
}

function parseSlice(work: EngineWork, engine: Engine): Slice {
  const payloads = payloadsOf(work);
  const originals = clientChunks(work, payloads);
  // Parsers unmask in place: each time they get copies, in memory of their own as a socket's chunks are. These are made
  // before the clock starts, for a cost that both sides share would only draw the ratio towards 1.
  const chunks = originals.map((chunk) => Buffer.allocUnsafeSlow(chunk.length));
  let came = 0;
  const parse = engine.parser((message) => {
    came += message.length;
  });
  return {
    messages: payloads.length,
    yield: payloads.length * work.fragments * work.size,
    came: () => came,
    renew: () => chunks.forEach((chunk, i) => chunk.set(originals[i]!)),
    run: () => {
      for (const chunk of chunks) parse(chunk);
    },
  };
}

function writeSlice(work: EngineWork, engine: Engine): Slice {
  const payloads = payloadsOf(work);
  const messages = messagesOf(work, payloads);
  const batches = Array.from({ length: messages.length / BATCH }, (_, i) => messages.slice(i * BATCH, (i + 1) * BATCH));
  const stream = new CountingStream();
  const write = engine.writer(stream);
  return {
    messages: messages.length,
    yield: serverStream(work, payloads).length,
    came: () => stream.bytes,
    renew: () => undefined,
    run: () => {
      for (const batch of batches) write(batch);
    },
  };
}
