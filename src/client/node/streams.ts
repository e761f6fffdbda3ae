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

/** What the library and Node call, each with what it returns after it has thrown; undefined: the stream. */
const CALLED = {
  on: undefined,
  once: undefined,
  off: undefined,
  removeListener: undefined,
  prependListener: undefined,
  resume: undefined,
  pause: undefined,
  cork: undefined,
  uncork: undefined,
  end: undefined,
  destroy: undefined,
  write: false,
} as const;

type Method = (this: unknown, ...args: unknown[]) => unknown;

/** Whether a value has all methods of a stream that are called. A getter of it may throw. */
export function isStream(value: unknown): value is Duplex {
  const methods = Object(value) as Record<string, unknown>;
  return Object.keys(CALLED).every((name) => typeof methods[name] === "function");
}

/**
 * A stream of the application may throw when one of its methods is called. Node's TLS and HTTP, and events, call them where nobody catches
 * that: the process would end. Now the stream fails instead.
 */
export function guard(stream: Duplex): void {
  const methods = stream as unknown as Partial<Record<string, Method>>;
  for (const [name, result] of Object.entries(CALLED)) {
    const method = methods[name];
    if (method !== undefined && !isOfNode(name, method)) methods[name] = guardedMethod(name, method, result);
  }
  const { _write: write, _writev: writev } = stream as Partial<WriteMethods>;
  // Streams of older libraries have none.
  if (typeof write === "function" && !isOfNode("_write", write))
    stream._write = function (chunk, encoding, done): void {
      guarded(done, () => write.call(this, chunk, encoding, done));
    };
  if (typeof writev === "function" && !isOfNode("_writev", writev))
    stream._writev = function (chunks, done): void {
      guarded(done, () => writev.call(this, chunks, done));
    };
}

/** Whether a method is that of Node's own streams. Those of sockets must stay as they are: the connection writes to them directly. */
function isOfNode(name: string, method: unknown): boolean {
  return [Duplex, Socket].some(({ prototype }) => Reflect.get(prototype, name) === method);
}

function guardedMethod(name: string, method: Method, result: unknown): Method {
  return function (this: Duplex, ...args) {
    try {
      return method.apply(this, args);
    } catch (error) {
      if (name !== "destroy") this.destroy(asError(error));
      return result ?? this;
    }
  } as Method;
}

function guarded(done: (error: Error) => void, write: () => void): void {
  try {
    write();
  } catch (error) {
    done(asError(error));
  }
}
