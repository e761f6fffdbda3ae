import { Readable, isErrored, isReadable } from "node:stream";

import { InvalidArgumentError } from "../../errors/errors.ts";
import { isThenable } from "../../util/thenable.ts";

/** The chunks of a message, one after the other. */
export interface StreamSource {
  /** The next chunk: an `IteratorResult`, unless the application's stream is wrong. It is asked for only when the one before it was sent, or waits in a fragment. */
  next(): Promise<unknown>;
  /** Nobody wants the rest: the source frees what it holds. It never throws. */
  cancel(reason: Error): void;
}

/** What may be sent as a stream, as far as it is looked at. */
interface Streamable {
  readonly [Symbol.asyncIterator]?: unknown;
  readonly getReader?: unknown;
  readonly toJSON?: unknown;
  readonly locked?: unknown;
}

/** A stream of Node's. */
interface NodeStream {
  readonly destroyed?: unknown;
  readonly readableEnded?: unknown;
  readonly errored?: unknown;
  readonly destroy: unknown;
  on(event: "error", listener: () => void): unknown;
}

/**
 * Whether an object is sent as a stream: a web `ReadableStream`, a `Readable` of Node's, or anything else with `Symbol.asyncIterator`. One
 * that has `toJSON` says itself how it is sent.
 */
export function isStream(message: object): message is Streamable {
  const { getReader, toJSON, [Symbol.asyncIterator]: iterate } = message as Streamable;
  return (typeof iterate === "function" || typeof getReader === "function") && typeof toJSON !== "function";
}

/** The streams and generators whose chunks were taken. A second message would get a part of them, or nothing, and look complete. */
const taken = new WeakSet();

/**
 * Takes the chunks of a stream. From now on nobody else may read it.
 *
 * @throws {InvalidArgumentError} if somebody else reads it, it was sent before, or there is nothing left to read
 */
export function sourceOf(stream: Streamable): StreamSource {
  if (typeof stream.getReader === "function") return webSource(stream as ReadableStream<unknown>);
  if (isNodeStream(stream)) takeNodeStream(stream);
  const iterator = (stream as AsyncIterable<unknown>)[Symbol.asyncIterator]();
  // An iterable that gives a new iterator each time may be sent again; a generator is its own iterator.
  if ((iterator as unknown) === stream) take(stream);
  return {
    next: () => Promise.resolve(iterator.next()),
    cancel: () => {
      const { destroy } = stream as Partial<NodeStream>;
      if (typeof destroy === "function") quietly(() => (destroy as () => unknown).call(stream));
      quietly(() => iterator.return?.());
    },
  };
}

/** A stream is refused before it was taken: it is freed, unless it is sent or read elsewhere. It never throws. */
export function cancelUnsent(stream: object, reason: Error): void {
  quietly(() => sourceOf(stream).cancel(reason));
}

function webSource(stream: ReadableStream<unknown>): StreamSource {
  if (stream.locked) throw new InvalidArgumentError("message: the stream is locked: somebody else reads it");
  if (Readable.isDisturbed(stream as never) && !isReadable(stream as never) && !isErrored(stream as never))
    throw new InvalidArgumentError("message: the stream was read already");
  const reader = stream.getReader();
  return {
    next: () => reader.read(),
    cancel: (reason) => quietly(() => reader.cancel(reason)),
  };
}

/** Notes that a stream is sent. */
function take(stream: object): void {
  if (taken.has(stream))
    throw new InvalidArgumentError("message: this stream was sent before, and can be read only once");
  taken.add(stream);
}

function takeNodeStream(stream: NodeStream): void {
  take(stream);
  if (stream.readableEnded === true) throw new InvalidArgumentError("message: the stream was read already");
  if (stream.destroyed === true)
    throw new InvalidArgumentError("message: the stream is destroyed", { cause: stream.errored ?? undefined });
  // One that fails before its turn must not end the process. It is told when it is read.
  stream.on("error", nothing);
}

function isNodeStream(stream: object): stream is NodeStream {
  const { destroy, on } = stream as Partial<NodeStream>;
  return typeof destroy === "function" && typeof on === "function";
}

/** Does something of the application's whose failure is of no interest any more. */
function quietly(action: () => unknown): void {
  try {
    const result = action();
    if (isThenable(result)) result.then(undefined, nothing);
  } catch {
    // It is not read any more.
  }
}

function nothing(): void {
  // It is told when it is read.
}
