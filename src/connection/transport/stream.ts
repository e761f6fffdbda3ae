import type { Duplex } from "node:stream";

import { type Bytes, EMPTY, copyOf } from "../../protocol/bytes.ts";
import { allowDirectWrites, isNodeSocket, mayWriteDirectly, memoryChanged, writeDirectly } from "./direct-write.ts";
import { readIntoShared } from "./shared-read.ts";

/** What a stream reports to its connection. */
export interface StreamListener {
  /**
   * A chunk was read.
   *
   * @param end where it ends in its memory
   * @param lent whether the memory is used again after this call
   */
  onData(chunk: Bytes, end: number, lent: boolean): void;
  /** The stream takes more again. */
  onDrain(): void;
  /** The stream has taken what it had when `notifyWhenTaken` was called. */
  onTaken(): void;
  /** The peer will send no more. */
  onEnd(): void;
  /** The stream failed; `onStreamClose` follows. */
  onStreamError(cause: Error): void;
  /** The stream is closed. */
  onStreamClose(): void;
}

/** Where a stream keeps its listener. */
const listener = Symbol("hawser connection");

interface Linked extends Duplex {
  [listener]: StreamListener | undefined;
}

/**
 * Reports everything that happens on `stream` to `to`; "drain" only after a `write` has found the stream full. All connections
 * share these functions: none has closures of its own.
 */
export function attach(stream: Duplex, to: StreamListener): void {
  const linked = stream as Linked;
  linked[listener] = to;
  linked.on("error", onError).on("close", onClose).on("end", onEnd);
  if (readIntoShared(linked, onRead)) allowDirectWrites(linked);
  else linked.on("data", onData);
  // The code that handed it over may have paused it.
  linked.resume();
}

/** What became of a write. */
export const WriteResult = {
  /** The stream keeps it, and takes no more: the listener is told when it does again. */
  full: 0,
  /** The stream keeps it, or may keep it, and takes more. */
  kept: 1,
  /** The operating system has taken all of it: its memory may be used again. */
  taken: 2,
} as const;

/** One of `WriteResult`. */
export type WriteResult = (typeof WriteResult)[keyof typeof WriteResult];

/**
 * Writes to a stream: bytes, or a string with one character a byte. A user's own `Duplex` may throw instead of failing:
 * that ends this stream, and nothing else in the turn.
 */
export function write(stream: Duplex, bytes: Bytes | string): WriteResult {
  try {
    if (mayWriteDirectly(stream))
      return writeDirectly(stream, bytes, onDirectDrain) ? WriteResult.taken : WriteResult.full;
    if (writeStock(stream, bytes)) return WriteResult.kept;
    listenForDrain(stream as Linked);
  } catch (error) {
    broken(stream, error);
  }
  return WriteResult.full;
}

/** Payloads of at most this many bytes are copied when they are sent. Larger memory may be the user's. */
export const MAX_COPIED = 16 * 1024;

function writeStock(stream: Duplex, bytes: Bytes | string): boolean {
  if (typeof bytes === "string") {
    // Another stream may ignore the encoding.
    return isNodeSocket(stream) ? stream.write(bytes, "latin1") : stream.write(Buffer.from(bytes, "latin1"));
  }
  if (bytes.length <= MAX_COPIED) return stream.write(bytes);
  const { length } = bytes;
  return stream.write(bytes, () => {
    if (bytes.length !== length) stream.destroy(memoryChanged());
  });
}

/**
 * Calls the listener's `onTaken` when the stream has taken all that was written. A full stream reports that by itself
 * (`onDrain`); one that is not full does not.
 */
export function notifyWhenTaken(stream: Duplex): void {
  try {
    // An empty write after all that waits: its callback is called in order.
    stream.write(EMPTY, () => {
      (stream as Linked)[listener]?.onTaken();
    });
  } catch (error) {
    broken(stream, error);
  }
}

/** Writes what was collected since `cork()`. Returns false if the stream is broken. */
export function uncork(stream: Duplex): boolean {
  try {
    stream.uncork();
    return true;
  } catch (error) {
    return broken(stream, error);
  }
}

function broken(stream: Duplex, error: unknown): false {
  stream.destroy(error instanceof Error ? error : new Error(String(error)));
  return false;
}

/** Most connections never find their stream full: they have no listener for "drain". */
function listenForDrain(stream: Linked): void {
  if (stream[listener] !== undefined && !stream.listeners("drain").includes(onDrain)) stream.on("drain", onDrain);
}

function onData(this: Linked, chunk: Bytes): void {
  // The reader unmasks in place: memory that other code reads too, or may push again, must not change.
  const own = isNodeSocket(this) && this.listenerCount("data") === 1;
  this[listener]?.onData(own ? chunk : copyOf(chunk), chunk.length, false);
}

function onRead(this: Linked, bytes: number, memory: Bytes): void {
  this[listener]?.onData(memory, bytes, true);
}

function onDirectDrain(stream: Duplex): void {
  (stream as Linked)[listener]?.onDrain();
}

function onDrain(this: Linked): void {
  this[listener]?.onDrain();
}

function onEnd(this: Linked): void {
  this[listener]?.onEnd();
}

function onError(this: Linked, cause: Error): void {
  this[listener]?.onStreamError(cause);
}

function onClose(this: Linked): void {
  const to = this[listener];
  // Code that keeps the closed stream must not keep the connection.
  this[listener] = undefined;
  to?.onStreamClose();
}
