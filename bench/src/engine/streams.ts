import { Socket } from "node:net";
import type { Message } from "./engine.ts";

/**
 * Replaces the operating system below a socket: it takes everything at once and counts the bytes. It encodes strings, as a
 * socket does: ws leaves that to its socket, and it is a part of the cost of a text.
 */
export class CountingStream {
  /** The number of bytes that were written. */
  bytes = 0;
  #encoded = Buffer.allocUnsafeSlow(0);

  /** Takes bytes, or a string and its encoding. */
  write(data: Message, encoding?: BufferEncoding): boolean {
    this.bytes += typeof data === "string" ? this.#encode(data, encoding) : data.length;
    return true;
  }

  #encode(text: string, encoding: BufferEncoding | undefined): number {
    const maximum = 3 * text.length;
    if (this.#encoded.length < maximum) this.#encoded = Buffer.allocUnsafeSlow(maximum);
    return this.#encoded.write(text, encoding);
  }
}

/** Keeps all bytes that are written, to compare them. */
export class RecordingStream extends CountingStream {
  readonly #written: Buffer[] = [];

  /** All bytes that were written. */
  get written(): Buffer {
    return Buffer.concat(this.#written);
  }

  override write(data: Message, encoding?: BufferEncoding): boolean {
    // A copy: the writer may use its memory again.
    this.#written.push(typeof data === "string" ? Buffer.from(data, encoding) : Buffer.from(data));
    return super.write(data, encoding);
  }
}

/** The plain sockets without a system below them, and the stream that counts what is written to each. */
const countedBy = new WeakMap<Socket, CountingStream>();

type Done = (error?: Error | null) => void;

/** A socket's own methods for one write, and for several at once. */
interface SocketWrites {
  _write(this: Socket, data: Message, encoding: string, done: Done): void;
  _writev(this: Socket, writes: readonly { readonly chunk: Message; readonly encoding: string }[], done: Done): void;
}

/**
 * Replaces `_write` and `_writev` of all sockets, so that the sockets of `countedBy` count what is written. This must happen
 * before a build is loaded: Hawser uses direct writes only if `_write` was not replaced since, and uses memory again only then.
 */
function countWrites(): void {
  const own = Socket.prototype as unknown as SocketWrites;
  const { _write, _writev } = own;
  const count = (stream: CountingStream, data: Message, encoding: string): unknown =>
    stream.write(data, typeof data === "string" ? (encoding as BufferEncoding) : undefined);
  own._write = function (data, encoding, done) {
    const stream = countedBy.get(this);
    if (stream === undefined) {
      _write.call(this, data, encoding, done);
      return;
    }
    count(stream, data, encoding);
    done();
  };
  own._writev = function (writes, done) {
    const stream = countedBy.get(this);
    if (stream === undefined) {
      _writev.call(this, writes, done);
      return;
    }
    for (const { chunk, encoding } of writes) count(stream, chunk, encoding);
    done();
  };
}

countWrites();

/** A plain socket without a system below it: `stream` counts what is written. It is never full. */
export function countingSocket(stream: CountingStream): Socket {
  const socket = new Socket({ writableHighWaterMark: 2 ** 30 } as object);
  countedBy.set(socket, stream);
  return socket;
}
