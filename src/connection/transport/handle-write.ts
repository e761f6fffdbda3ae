import { Socket } from "node:net";
import type { Duplex } from "node:stream";

import { type Bytes, EMPTY } from "../../protocol/bytes.ts";
import { attempt } from "../../util/attempt.ts";

/** The major versions of Node in which a write to a handle is given a request: its tests have passed on 20, 22 and 24. */
const KNOWN = { from: 20, to: 24 } as const;

/** What Node gives a handle with each write. The system's part of it is made only for a write that must wait. */
interface WriteRequest {
  handle: Handle | null;
  /** Node's own: it makes the error of a failed write, and calls `callback`. */
  readonly oncomplete: (status: number) => void;
  async: boolean;
  bytes: number;
  /** The memory of a write that waits must be kept. */
  buffer: Bytes | string | null;
  callback: ((error?: Error | null) => void) | undefined;
  /** Below zero while the request belongs to no write that waits. */
  getAsyncId(): number;
}

/** The methods with which a socket writes. They return zero, or the number of an error. */
interface Writing {
  writeBuffer(request: WriteRequest, bytes: Bytes): number;
  writeLatin1String(request: WriteRequest, text: string): number;
}

type Handle = Writing;
/** The methods as values, to be compared. */
type Methods = Readonly<Record<keyof Writing, unknown>>;

/** A socket as Node's own `_write` sees it. */
interface WithHandle {
  _handle: Handle | null;
  readonly connecting: boolean;
  readonly timeout?: number;
  [name: symbol]: unknown;
}

/** What is known of the requests of this version of Node. */
interface Requests {
  /** Makes a request as Node does. */
  readonly create: () => WriteRequest;
  /** Where a socket keeps the bytes of its last write, so that a timeout sees whether they become fewer. */
  readonly lastSize: symbol;
}

const requests = findRequests();
/** Given to the handle with each write, until one must wait: that one keeps it. */
let request: WriteRequest | undefined = requests?.create();
/** The methods of all handles. Code that replaces them may keep the request. */
let native: Methods | undefined;

/**
 * Whether a socket can be written to by its handle. `_write` makes a request and a closure for each write, although the system
 * takes nearly all writes at once (0.7 times the CPU of a write). A socket with a timeout has `_write`, which starts it again.
 */
export function canWriteToHandle(socket: Duplex): boolean {
  const { _handle: handle, connecting, timeout } = socket as unknown as WithHandle;
  if (request === undefined || !handle || connecting || (timeout !== undefined && timeout > 0)) return false;
  native ??= methodsOf(handle);
  return isNative(handle, native);
}

/**
 * Writes by the handle of a socket, after `canWriteToHandle`.
 *
 * @returns whether the system has taken everything. If it has not, `finishLater` must be called next
 */
export function writeToHandle(socket: Duplex, bytes: Bytes | string): boolean {
  const handle = (socket as unknown as WithHandle)._handle!;
  const own = request!;
  status = typeof bytes === "string" ? handle.writeLatin1String(own, bytes) : handle.writeBuffer(own, bytes);
  // Its queue may be empty already although the request is in use: only the request itself tells.
  return status === 0 && own.getAsyncId() < 0;
}

/** What the last write has returned. */
let status = 0;

/** The last write has failed, or waits: calls `done` as `_write` would. A failed one calls it at once. */
export function finishLater(socket: Duplex, bytes: Bytes | string, done: (error?: Error | null) => void): void {
  const { create, lastSize } = requests!;
  const used = request!;
  const target = socket as unknown as WithHandle;
  request = create();
  used.handle = target._handle;
  used.callback = done;
  if (status !== 0) {
    used.oncomplete(status);
    return;
  }
  used.async = true;
  used.buffer = bytes;
  used.bytes = bytes.length;
  target[lastSize] = bytes.length;
}

function isNative(handle: Methods, known: Methods): boolean {
  return handle.writeBuffer === known.writeBuffer && handle.writeLatin1String === known.writeLatin1String;
}

function methodsOf(handle: Handle): Methods {
  const { writeBuffer, writeLatin1String } = Object.getPrototypeOf(handle) as Methods;
  return { writeBuffer, writeLatin1String };
}

/** Finds out what Node gives a handle: a socket that is connected to nothing writes to an object of ours. */
function findRequests(): Requests | undefined {
  const major = Number.parseInt(process.versions.node, 10);
  return major >= KNOWN.from && major <= KNOWN.to ? attempt(probe) : undefined;
}

function probe(): Requests | undefined {
  const socket = new Socket();
  const target = socket as unknown as WithHandle;
  const given: unknown[] = [];
  target._handle = {
    writeBuffer: (one) => {
      given.push(one);
      return 0;
    },
    writeLatin1String: () => 0,
  };
  socket._write(EMPTY, "buffer" as BufferEncoding, () => undefined);
  target._handle = null;
  const lastSize = Object.getOwnPropertySymbols(socket).find(({ description }) => description === "lastWriteQueueSize");
  const [sample] = given;
  if (!isRequest(sample) || lastSize === undefined) return undefined;
  const { oncomplete } = sample;
  const Request = sample.constructor as new () => WriteRequest;
  const create = (): WriteRequest =>
    Object.assign(new Request(), {
      handle: null,
      oncomplete,
      async: false,
      bytes: 0,
      buffer: null,
      callback: undefined,
    });
  return create().getAsyncId() < 0 ? { create, lastSize } : undefined;
}

function isRequest(sample: unknown): sample is WriteRequest {
  return (
    typeof sample === "object" &&
    sample !== null &&
    sample.constructor.name === "WriteWrap" &&
    typeof (sample as Partial<WriteRequest>).oncomplete === "function"
  );
}
