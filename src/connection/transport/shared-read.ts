import { Socket } from "node:net";
import type { Duplex } from "node:stream";

import { type Bytes, allocate } from "../../protocol/bytes.ts";

/** What is called with the bytes that were read: `memory[0, bytes)`, until it returns. */
export type OnRead<S extends Duplex> = (this: S, bytes: number, memory: Bytes) => void;

/** Bytes of one read of a socket at most: as many as Node itself reads at once. */
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

/**
 * Has a plain socket read into memory that all of them share, and `onRead` called in place of "data". Node makes 64 KiB
 * of memory, a buffer, an event and a tick of each read otherwise (0.84 times the CPU of an echo with one in flight, 0.66
 * times that of one of 64 KiB). `net.Socket` can do so for those who make the socket (its
 * option `onread`), but a server is handed sockets: so it is set where that option is kept. Where this
 * is not to be had, in another version of Node, in another runtime or for another stream, "data" comes as ever.
 *
 * @returns false where it is not to be had
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
    // Another runtime has the name, and nothing behind it.
    return false;
  }
  socket[names.buffer] = shared;
  socket[names.callback] = onRead;
  socket[names.nextBuffer] = null;
  return true;
}

/** Whether something waits to be read already, or somebody else wants to see what is read. */
function isWatched(stream: Duplex): boolean {
  return (
    stream.readableLength > 0 ||
    stream.destroyed ||
    stream.listenerCount("data") > 0 ||
    stream.listenerCount("readable") > 0 ||
    Object.hasOwn(stream, "push") ||
    Object.hasOwn(stream, "emit")
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
