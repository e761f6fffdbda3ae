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
  readonly on?: unknown;
  readonly destroy?: unknown;
}

/**
 * Whether an object is sent as a stream: a web `ReadableStream`, a `Readable` of Node's, or anything else with `Symbol.asyncIterator`. One
 * that has `toJSON` says itself how it is sent.
 */
export function isStream(message: object): message is Streamable {
  const { getReader, toJSON, [Symbol.asyncIterator]: iterate } = message as Streamable;
  return (typeof iterate === "function" || typeof getReader === "function") && typeof toJSON !== "function";
}

/**
 * Takes the chunks of a stream. From now on nobody else may read it.
 *
 * @throws {InvalidArgumentError} if somebody else reads it
 */
export function sourceOf(stream: Streamable): StreamSource {
  if (typeof stream.getReader === "function") return webSource(stream as ReadableStream<unknown>);
  holdErrors(stream as NodeStream);
  const iterator = (stream as AsyncIterable<unknown>)[Symbol.asyncIterator]();
  return {
    next: () => Promise.resolve(iterator.next()),
    cancel: () => {
      const { destroy } = stream as NodeStream;
      if (typeof destroy === "function") quietly(() => (destroy as () => unknown).call(stream));
      quietly(() => iterator.return?.());
    },
  };
}

function webSource(stream: ReadableStream<unknown>): StreamSource {
  if (stream.locked) throw new InvalidArgumentError("message: the stream is locked: somebody else reads it");
  const reader = stream.getReader();
  return {
    next: () => reader.read(),
    cancel: (reason) => quietly(() => reader.cancel(reason)),
  };
}

/** A stream of Node's that fails before its turn must not end the process. It is told when it is read. */
function holdErrors(stream: NodeStream): void {
  if (typeof stream.destroy === "function" && typeof stream.on === "function")
    (stream.on as (event: "error", listener: () => void) => void).call(stream, "error", nothing);
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
