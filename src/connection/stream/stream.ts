import type { Duplex } from "node:stream";

import { type Bytes, NOTHING } from "../../protocol/bytes.ts";
import { allowDirectWrites, mayWriteDirectly, writeDirectly } from "./direct-write.ts";
import { readIntoShared } from "./shared-read.ts";

/** What a stream tells the connection on it. */
export interface StreamListener {
  /**
   * A chunk came.
   *
   * @param end where it ends in its memory
   * @param lent the memory is used again when this call has returned
   */
  received(chunk: Bytes, end: number, lent: boolean): void;
  /** The stream has room again. */
  drained(): void;
  /** The stream has taken what it had when `tellWhenTaken` asked. */
  taken(): void;
  /** The peer will send no more. */
  ended(): void;
  /** The stream failed; `closed` follows. */
  failed(cause: Error): void;
  /** The stream is gone. */
  closed(): void;
}

/** Where a stream keeps its listener. */
const listener = Symbol("hawser connection");

interface Linked extends Duplex {
  [listener]: StreamListener | undefined;
}

/**
 * Has `to` called for all that happens on `stream`; that there is room again, once a `write` has found none. All
 * connections share these functions: none holds closures of its own.
 */
export function link(stream: Duplex, to: StreamListener): void {
  const linked = stream as Linked;
  linked[listener] = to;
  linked.on("error", onError).on("close", onClose).on("end", onEnd);
  if (readIntoShared(linked, onRead)) allowDirectWrites(linked);
  else linked.on("data", onData);
  // Whoever handed it over may have paused it.
  linked.resume();
}

/**
 * Writes to a stream: bytes, or a string with one character a byte. A user's own `Duplex` may throw instead of failing:
 * that is its end, not the turn's.
 *
 * @returns whether there is room for more; if not, the listener is told when there is again
 */
export function write(stream: Duplex, bytes: Bytes | string): boolean {
  try {
    if (mayWriteDirectly(stream)) return writeDirectly(stream, bytes, onTaken);
    const room = typeof bytes === "string" ? stream.write(bytes, "latin1") : stream.write(bytes);
    if (!room) awaitRoom(stream as Linked);
    return room;
  } catch (error) {
    return broken(stream, error);
  }
}

/**
 * Has the listener told (`taken`) when the stream has taken all that was written, though it has room for more: only of a
 * full stream is it told anyway.
 */
export function tellWhenTaken(stream: Duplex): void {
  try {
    // Nothing, behind all that waits: its callback comes in its turn.
    stream.write(NOTHING, () => {
      (stream as Linked)[listener]?.taken();
    });
  } catch (error) {
    broken(stream, error);
  }
}

/** Lets go what was written since `cork()`, as `write` does. Returns false when the stream is broken. */
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

/** Most connections never wait for room: they have no listener for it. */
function awaitRoom(stream: Linked): void {
  if (stream[listener] !== undefined && !stream.listeners("drain").includes(onDrain)) stream.on("drain", onDrain);
}

function onData(this: Linked, chunk: Bytes): void {
  this[listener]?.received(chunk, chunk.length, false);
}

function onRead(this: Linked, bytes: number, memory: Bytes): void {
  this[listener]?.received(memory, bytes, true);
}

function onTaken(stream: Duplex): void {
  (stream as Linked)[listener]?.drained();
}

function onDrain(this: Linked): void {
  this[listener]?.drained();
}

function onEnd(this: Linked): void {
  this[listener]?.ended();
}

function onError(this: Linked, cause: Error): void {
  this[listener]?.failed(cause);
}

function onClose(this: Linked): void {
  const to = this[listener];
  // Whoever keeps the dead stream does not keep the connection with it.
  this[listener] = undefined;
  to?.closed();
}
