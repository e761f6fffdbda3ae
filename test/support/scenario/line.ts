import { type Socket, connect } from "node:net";

/** What a line tells its peer. */
export interface LineListener {
  onBytes(chunk: Buffer): void;
  /** No more bytes will come. */
  onEnd(): void;
  /** From now on the server's bytes are not taken. */
  onStop(): void;
}

/** The way of bytes between a peer and the server: a socket, or a stream in memory. */
export interface Line {
  /** Whether the server's bytes are taken in the end: not so if a stream never calls back. */
  readonly takes: boolean;
  /** Whether bytes of the server were not taken, and none will be. */
  readonly hasStopped: boolean;
  write(bytes: Buffer): void;
  /** The peer sends no more. */
  end(): void;
  /** The connection is lost. */
  reset(): void;
  /** The peer takes no more bytes until `resume`. */
  pause(): void;
  resume(): void;
}

/** A real socket. */
export class SocketLine implements Line {
  readonly takes = true;
  readonly hasStopped = false;
  readonly #socket: Socket;

  /**
   * @param place - A port on 127.0.0.1, or the path of a Unix socket.
   * @param listener - The peer.
   */
  constructor(place: number | string, listener: LineListener) {
    const to = typeof place === "number" ? { port: place, host: "127.0.0.1", noDelay: true } : { path: place };
    this.#socket = connect({ ...to, allowHalfOpen: true });
    this.#socket.on("data", (chunk: Buffer) => listener.onBytes(chunk));
    const onEnd = (): void => listener.onEnd();
    this.#socket.on("end", onEnd).on("close", onEnd).on("error", onEnd);
  }

  write(bytes: Buffer): void {
    if (this.#socket.writable) this.#socket.write(bytes);
  }

  end(): void {
    this.#socket.end();
  }

  reset(): void {
    if (this.#socket.remoteAddress === undefined) this.#socket.destroy();
    else this.#socket.resetAndDestroy();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }
}
