import { Socket } from "node:net";
import type { Duplex } from "node:stream";

import { type Bytes, allocate } from "../../protocol/bytes.ts";

/** Called with the bytes that were read: `memory[0, bytes)`, valid until it returns. */
export type OnRead<S extends Duplex> = (this: S, bytes: number, memory: Bytes) => void;

/** The most bytes of one read of a socket: as many as Node itself reads at once. */
const READ_SIZE = 64 * 1024;

/** The major versions of Node whose sockets are known to read like this: its tests have passed on 20, 22, 24 and 26. */
const KNOWN = { from: 20, to: 26 } as const;

/** The names under which a socket keeps what `onread` of `new net.Socket()` asks for. */
interface Names {
  readonly buffer: symbol;
  readonly callback: symbol;
  readonly nextBuffer: symbol;
}

/** A socket as Node's own `onread` sees it. */
interface Readable {
  readonly _handle?: { useUserBuffer?: (memory: Bytes) => void } | null;
  [name: symbol]: unknown;
}

let shared: Bytes | undefined;
const names = findNames();

/** Where the socket whose `onRead` has just returned reads next. */
let next: Bytes | undefined;

/** Node calls it right after `onRead`, and reads into what it returns. Undefined: into the same memory as before. */
function nextBuffer(): Bytes | undefined {
  const memory = next;
  next = undefined;
  return memory;
}

/**
 * Makes a plain socket read into memory that all of them share, and call `onRead` instead of emitting "data". Otherwise Node
 * makes 64 KiB of memory, a buffer, an event and a tick for each read (0.84 times the CPU of an echo with one in flight, 0.66
 * times that of one of 64 KiB). The option `onread` of `new net.Socket()` does this, but a server gets sockets that Node has
 * made, so it is set where that option is kept. In another version of Node, in another runtime or for another stream it is not
 * possible, and "data" is used.
 *
 * @returns false if it is not possible
 */
export function readIntoShared<S extends Duplex>(stream: S, onRead: OnRead<S>): boolean {
  if (names === undefined || Object.getPrototypeOf(stream) !== Socket.prototype) return false;
  const socket = stream as unknown as Readable;
  if (isWatched(stream) || socket[names.buffer] !== null) return false;
  if (typeof socket._handle?.useUserBuffer !== "function") return false;
  shared ??= allocate(READ_SIZE);
  try {
    socket._handle.useUserBuffer(shared);
  } catch {
    // Another runtime has the function, and it does nothing.
    return false;
  }
  socket[names.buffer] = shared;
  socket[names.callback] = onRead;
  socket[names.nextBuffer] = null;
  return true;
}

/**
 * Says where the socket whose `onRead` is running reads next. A large message is read into its own memory, so that it is not
 * copied. Node fills all of that memory, if it gets as much: nothing else may use it until it was read.
 *
 * @param memory where this read went to
 * @param target where the next one goes to; undefined: the shared memory
 */
export function readNextInto(stream: Duplex, memory: Bytes, target: Bytes | undefined): void {
  if (target === undefined && memory === shared) return;
  next = target ?? shared;
  // Sockets that receive no large messages have none: this call costs them nothing.
  (stream as unknown as Readable)[names!.nextBuffer] = nextBuffer;
}

/** What passes on a chunk of a socket. Code that replaces either, for one socket or for all, may keep it. */
const { push, emit } = Socket.prototype as { readonly push: unknown; readonly emit: unknown };

/** Whether nobody else sees what a socket reads, besides its listeners. */
export function passesOnAlone(stream: Duplex): boolean {
  return stream.push === push && stream.emit === emit;
}

/** Whether data was read already, or other code listens to what is read. */
function isWatched(stream: Duplex): boolean {
  return (
    stream.readableLength > 0 ||
    stream.destroyed ||
    stream.listenerCount("data") > 0 ||
    stream.listenerCount("readable") > 0 ||
    !passesOnAlone(stream)
  );
}

function findNames(): Names | undefined {
  const major = Number.parseInt(process.versions.node, 10);
  if (!(major >= KNOWN.from && major <= KNOWN.to)) return undefined;
  const symbols = Object.getOwnPropertySymbols(new Socket());
  const named = (name: string): symbol | undefined => symbols.find(({ description }) => description === name);
  const [buffer, callback, nextBuffer] = [named("kBuffer"), named("kBufferCb"), named("kBufferGen")];
  if (buffer === undefined || callback === undefined || nextBuffer === undefined) return undefined;
  return { buffer, callback, nextBuffer };
}
