import { Socket } from "node:net";
import type { Message } from "./engine.ts";

/**
 * What a socket's system is in place of one: takes everything at once. A string is encoded, as a socket would have
 * to: ws leaves that to its socket, and it is part of what a text costs.
 */
export class CountingStream {
  /** Bytes that were written. */
  bytes = 0;
  #encoded = Buffer.allocUnsafeSlow(0);

  /** Takes bytes, or a string in an encoding of its own. */
  write(data: Message, encoding?: BufferEncoding): boolean {
    this.bytes += typeof data === "string" ? this.#encode(data, encoding) : data.length;
    return true;
  }

  #encode(text: string, encoding: BufferEncoding | undefined): number {
    const most = 3 * text.length;
    if (this.#encoded.length < most) this.#encoded = Buffer.allocUnsafeSlow(most);
    return this.#encoded.write(text, encoding);
  }
}

/** Keeps what is written, for comparing it. */
export class RecordingStream extends CountingStream {
  readonly #written: Buffer[] = [];

  /** All that was written, in one piece. */
  get written(): Buffer {
    return Buffer.concat(this.#written);
  }

  override write(data: Message, encoding?: BufferEncoding): boolean {
    // A copy: the writer may use its memory again.
    this.#written.push(typeof data === "string" ? Buffer.from(data, encoding) : Buffer.from(data));
    return super.write(data, encoding);
  }
}

/** Plain sockets that have no system below them: what is written to them is counted. */
const countedBy = new WeakMap<Socket, CountingStream>();

type Done = (error?: Error | null) => void;

/** A socket's own methods for one write, and for several at once. */
interface SocketWrites {
  _write(this: Socket, data: Message, encoding: string, done: Done): void;
  _writev(this: Socket, writes: readonly { readonly chunk: Message; readonly encoding: string }[], done: Done): void;
}

/**
 * Has the sockets of `countedBy` count what is written. It is done before a build is loaded: Hawser writes past the queue of
 * `Writable` only where the socket's `_write` is the one that it has found, and uses memory again only there.
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

/** A plain socket that has no system below it: `stream` counts what is written. It never says that it is full. */
export function countingSocket(stream: CountingStream): Socket {
  const socket = new Socket({ writableHighWaterMark: 2 ** 30 } as object);
  countedBy.set(socket, stream);
  return socket;
}
