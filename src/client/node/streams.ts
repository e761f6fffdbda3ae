import { Socket } from "node:net";
import { Duplex } from "node:stream";

import { asError } from "../../connection/transport/stream-events.ts";
import { destroyStream } from "../../connection/transport/stream-destroy.ts";
import { attempt } from "../../util/attempt.ts";

/** An "error" event without a listener ends the process: from now on the stream has this one, once. */
export function ignoreErrors(stream: Duplex): void {
  stream.off("error", ignore).on("error", ignore);
}

/** For streams that are not used any more, or not yet. */
export function ignore(): void {
  // Whoever uses the stream asks for its state.
}

/** Destroys a stream that is not used any more. It throws nothing, whatever the stream is. */
export function discard(stream: Duplex): void {
  attempt(() => ignoreErrors(stream));
  destroyStream(stream);
}

/** Uses a stream for a step of a dial. If the step fails, the stream is destroyed. */
export async function destroyOnFailure<S extends Duplex, T>(
  stream: S,
  use: (stream: S) => T | PromiseLike<T>,
): Promise<T> {
  let isDone = false;
  try {
    const result = await use(stream);
    isDone = true;
    return result;
  } finally {
    if (!isDone) discard(stream);
  }
}

/** What a stream implements, as functions. */
interface WriteMethods {
  readonly _write: (
    this: Duplex,
    chunk: unknown,
    encoding: BufferEncoding,
    done: (error?: Error | null) => void,
  ) => void;
  readonly _writev: (this: Duplex, chunks: Chunks, done: (error?: Error | null) => void) => void;
}

type Chunks = { chunk: unknown; encoding: BufferEncoding }[];

/**
 * A stream of the application may throw when it is written to or destroyed. Node's TLS and HTTP do so where nobody catches that: the process
 * would end. Now the stream fails instead.
 */
export function guard(stream: Duplex): void {
  if (stream instanceof Socket) return;
  const destroy = stream.destroy.bind(stream);
  if (stream.destroy !== Duplex.prototype.destroy)
    stream.destroy = function (error): typeof this {
      attempt(() => destroy(error));
      return this;
    };
  const { _write: write, _writev: writev } = stream as Partial<WriteMethods>;
  // Streams of older libraries have none.
  if (typeof write === "function")
    stream._write = function (chunk, encoding, done): void {
      guarded(done, () => write.call(this, chunk, encoding, done));
    };
  if (typeof writev === "function")
    stream._writev = function (chunks, done): void {
      guarded(done, () => writev.call(this, chunks, done));
    };
}

function guarded(done: (error: Error) => void, write: () => void): void {
  try {
    write();
  } catch (error) {
    done(asError(error));
  }
}
