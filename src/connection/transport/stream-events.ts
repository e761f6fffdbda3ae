import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { types } from "node:util";

import { type Bytes, copyOf } from "../../protocol/bytes.ts";
import { attempt, isInstanceOf } from "../../util/attempt.ts";
import { allowDirectWrites, isNodeSocket } from "./direct-write.ts";
import { inNoContext } from "./no-context.ts";
import { afterSendLoop, isInSendLoop } from "./send-loop.ts";
import { passesOnAlone, readIntoShared, readNextInto } from "./shared-read.ts";

/** What a stream reports to its connection. */
export interface StreamListener {
  /**
   * A chunk was read.
   *
   * @param end where it ends in its memory
   * @param borrowed whether the memory is used again after this call
   * @returns where the next chunk should be read to, if the memory was borrowed; undefined: anywhere
   */
  onData(chunk: Bytes, end: number, borrowed: boolean): Bytes | undefined;
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
/** Where a destroyed stream keeps the timer that waits for its close. */
const closeWait = Symbol("hawser close wait");

/** Milliseconds that a destroyed stream has to close. Node's own sockets need a turn, TLS over a user's stream a few. */
const CLOSE_WAIT = 1000;

/** Where a stream keeps the chunks that came while a chunk before them was being read. */
const early = Symbol("hawser early chunks");

interface Linked extends Duplex {
  [listener]: StreamListener | undefined;
  [closeWait]?: NodeJS.Timeout;
  [early]?: Bytes[] | undefined;
}

/**
 * Reports everything that happens on `stream` to `to`; "drain" only after `listenForDrain`. All connections share these
 * functions: none has closures of its own.
 */
export function attach(stream: Duplex, to: StreamListener): void {
  const linked = stream as Linked;
  linked[listener] = to;
  linked.on("error", onError).on("close", onClose).on("end", onEnd);
  if (readIntoShared(linked, onRead)) {
    allowDirectWrites(linked);
    dropIdleEnd(linked);
  } else linked.on("data", onData);
  // The code that handed it over may have paused it.
  linked.resume();
}

/** Node's own listener to "end": on a socket that may be half open, it does nothing. */
const nodesEnd = new Socket().listeners("end").find(({ name }) => name === "onReadableStreamEnd") as
  (() => void) | undefined;

/** Removes it, so that "end" has one listener, and no array of them: 72 bytes for each connection. */
function dropIdleEnd(socket: Duplex): void {
  if (socket.allowHalfOpen && nodesEnd !== undefined) socket.off("end", nodesEnd);
}

/** Reports the "drain" event from now on. Most connections never find their stream full: they have no listener for it. */
export function listenForDrain(stream: Duplex): void {
  const linked = stream as Linked;
  if (linked[listener] !== undefined && !linked.listeners("drain").includes(onDrain)) linked.on("drain", onDrain);
}

/**
 * A stream was destroyed. Its close is reported for it if it emits no "close": it was made with `emitClose: false`, or its
 * `_destroy` never calls back.
 *
 * @param onStuck is called before that if the stream is still not closed
 */
export function expectClose(stream: Duplex, onStuck: () => void): void {
  const linked = stream as Linked;
  if (linked[listener] === undefined || linked[closeWait] !== undefined || isPlainSocket(linked)) return;
  inNoContext(() => {
    // A socket of Node's is `closed` before its handle is, and emits "close" after that.
    if (isClosed(linked) && !(linked instanceof Socket)) process.nextTick(reportClose, linked);
    else
      linked[closeWait] = setTimeout(() => {
        if (!isClosed(linked)) onStuck();
        reportClose(linked);
      }, CLOSE_WAIT);
  });
}

/** Whether a stream is a TCP or Unix socket of Node's own: it emits "close" in any case. A timer for each would cost. */
function isPlainSocket(stream: Duplex): boolean {
  return Object.getPrototypeOf(stream) === Socket.prototype && !Object.hasOwn(stream, "_destroy");
}

/** Streams of older libraries do not say whether they are closed, and a getter of the application may throw. */
function isClosed(stream: Duplex): boolean {
  return attempt(() => (stream as { readonly closed?: boolean }).closed) === true;
}

function reportClose(stream: Linked): void {
  onClose.call(stream);
}

function onData(this: Linked, chunk: unknown): void {
  // The reader unmasks in place: memory that other code reads too, or may push again, must not change.
  const own = isNodeSocket(this) && this.listenerCount("data") === 1 && passesOnAlone(this);
  const bytes = own ? (chunk as Bytes) : attempt(() => ownBytes(chunk));
  if (bytes !== undefined) deliver(this, bytes);
  else this[listener]?.onStreamError(new TypeError(`A stream delivered a chunk that is no bytes: ${typeof chunk}`));
}

/** A copy of a chunk. A stream of the application may deliver a string (`setEncoding`) or an object: undefined. */
function ownBytes(chunk: unknown): Bytes | undefined {
  return types.isUint8Array(chunk) ? copyOf(chunk) : undefined;
}

/** The streams whose chunk is being read now, the innermost last. Usually one: a stream may read while another is written to. */
const reading: Linked[] = [];

/**
 * Reports a chunk that was read. A stream may push a chunk from its `_write`, while its connection answers the chunk before:
 * the reader is in the middle of that one, so the new chunk waits for its end. It also waits for the end of a loop that sends to many.
 */
export function deliver(stream: Duplex, chunk: Bytes): void {
  const linked = stream as Linked;
  const isReading = reading.includes(linked);
  if (isReading || isInSendLoop() || linked[early] !== undefined) {
    if (!isReading && linked[early] === undefined) afterSendLoop(linked, () => read(linked));
    (linked[early] ??= []).push(chunk);
  } else read(linked, chunk);
}

function read(linked: Linked, chunk?: Bytes): void {
  reading.push(linked);
  try {
    if (chunk !== undefined) linked[listener]?.onData(chunk, chunk.length, false);
    while (linked[early] !== undefined) deliverEarly(linked, linked[early]);
  } finally {
    reading.pop();
  }
}

function deliverEarly(linked: Linked, chunks: readonly Bytes[]): void {
  linked[early] = undefined;
  for (const chunk of chunks) linked[listener]?.onData(chunk, chunk.length, false);
}

function onRead(this: Linked, bytes: number, memory: Bytes): void {
  const target = this[listener]?.onData(memory, bytes, true);
  readNextInto(this, memory, target);
}

/** Calls the listener's `onDrain`: the system has taken a direct write that it did not take at once. */
export function reportDrain(stream: Duplex): void {
  (stream as Linked)[listener]?.onDrain();
}

/** Calls the listener's `onTaken`. */
export function reportTaken(stream: Duplex): void {
  (stream as Linked)[listener]?.onTaken();
}

function onDrain(this: Linked): void {
  this[listener]?.onDrain();
}

function onEnd(this: Linked): void {
  this[listener]?.onEnd();
}

function onError(this: Linked, cause: unknown): void {
  this[listener]?.onStreamError(asError(cause));
}

/** What a stream throws or emits as "error" may be anything, and may throw when it is read. */
export function asError(thrown: unknown): Error {
  if (isInstanceOf(thrown, Error) && typeof attempt(() => thrown.message) === "string") return thrown;
  return new Error(typeof thrown === "string" ? thrown : "A stream threw a value that is no Error", { cause: thrown });
}

function onClose(this: Linked): void {
  const to = this[listener];
  // Code that keeps the closed stream must not keep the connection.
  this[listener] = undefined;
  clearTimeout(this[closeWait]);
  to?.onStreamClose();
}
