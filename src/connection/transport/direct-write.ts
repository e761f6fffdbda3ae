import { Socket } from "node:net";
import { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";

import { HawserError } from "../../errors/errors.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import { canWriteToHandle, finishLater, writeToHandle } from "./handle-write.ts";

/** Where a socket that is written to directly keeps the number of bytes that the system has not taken yet. */
const pending = Symbol("hawser pending");

interface Direct extends Duplex {
  [pending]?: number;
}

/** The `write` that all streams have. Code that replaces it, for one socket or for all, wants to see what is written. */
const { write } = Duplex.prototype as { readonly write: unknown };
/** What a socket writes with. Code that replaces either of them may keep the memory. */
const native = Socket.prototype as unknown as Writing;

interface Writing {
  readonly _write: unknown;
  readonly _writeGeneric: unknown;
}
const { _write, _writeGeneric } = native;

/** A write is being made: a callback that is called now is called synchronously. */
let writing = false;

/**
 * Lets a plain socket be written to by its handle, or by its own `_write`, without the queue of `Writable`, which adds a tick for each write even
 * if the system takes all of it at once (0.93 times the CPU of an echo with one in flight). This is done only while nothing
 * waits in the stream; otherwise `write` is used, and the order is kept.
 */
export function allowDirectWrites(socket: Duplex): void {
  if (Object.getPrototypeOf(socket) === Socket.prototype) (socket as Direct)[pending] = 0;
}

/**
 * Whether a write may go to the socket directly now: nothing waits before it, neither in the stream nor in the system, and no
 * code has replaced the stream's methods.
 */
export function mayWriteDirectly(stream: Duplex): boolean {
  return (
    (stream as Direct)[pending] === 0 &&
    stream.writableLength === 0 &&
    stream.writableCorked === 0 &&
    stream.writable &&
    isUnwrapped(stream)
  );
}

/**
 * Whether a stream is a socket of Node's own, plain or TLS, whose writing methods no code has replaced: it takes
 * strings as latin1, changes nothing in the memory that it is given, and keeps none that it has written.
 */
export function isNodeSocket(stream: Duplex): boolean {
  const prototype: unknown = Object.getPrototypeOf(stream);
  return (prototype === Socket.prototype || prototype === TLSSocket.prototype) && isUnwrapped(stream);
}

/** Whether a socket is written to with Node's own methods: others may keep the memory. */
function isUnwrapped(stream: Duplex): boolean {
  const { _write: own, _writeGeneric: generic } = stream as unknown as Writing;
  return stream.write === write && own === _write && generic === _writeGeneric;
}

/**
 * Writes to the socket directly: bytes, or a string with one character a byte.
 *
 * @param taken is called later, if the system did not take all of it at once, when it has
 * @returns whether the system has taken all of it
 */
export function writeDirectly(socket: Duplex, bytes: Bytes | string, taken: (socket: Duplex) => void): boolean {
  if (!canWriteToHandle(socket)) return writeByStream(socket, bytes, taken);
  if (writeToHandle(socket, bytes)) return true;
  const direct = socket as Direct;
  direct[pending] = bytes.length;
  finishLater(socket, bytes, (error) => onWritten(direct, bytes, error) && taken(socket));
  // A write that has failed does not wait.
  return direct[pending] === 0;
}

/** The same by the socket's own `_write`. */
function writeByStream(socket: Duplex, bytes: Bytes | string, taken: (socket: Duplex) => void): boolean {
  const direct = socket as Direct;
  direct[pending] = bytes.length;
  writing = true;
  try {
    socket._write(bytes, typeof bytes === "string" ? "latin1" : ("buffer" as BufferEncoding), (error) => {
      if (onWritten(direct, bytes, error) && !writing) taken(socket);
    });
  } finally {
    writing = false;
  }
  return direct[pending] === 0;
}

/**
 * A write is over. Returns whether all is well; otherwise the socket is destroyed, as `Writable` does it. If it was destroyed before, Node
 * reports no error, whether the system has taken the bytes or not.
 */
function onWritten(socket: Direct, bytes: Bytes | string, error?: Error | null): boolean {
  const changed = socket[pending] !== bytes.length;
  socket[pending] = 0;
  if (!error && !changed) return !socket.destroyed;
  socket.destroy(error ?? memoryChangedError());
  return false;
}

/** Bytes that were written to a stream and that the system has not taken yet. */
export function bufferedIn(stream: Duplex): number {
  return stream.writableLength + ((stream as Direct)[pending] ?? 0);
}

/**
 * The error for memory that was detached or resized before it was written (`postMessage` with a transfer list,
 * `WebAssembly.Memory.grow`, `ArrayBuffer.resize`): the frame's header is out already, so the connection cannot go on.
 */
export function memoryChangedError(): HawserError {
  return new HawserError("HWS_SEND_FAILED", "the memory of a message changed its length before it was written");
}
