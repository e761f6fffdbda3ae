import type { Message } from "./engine.ts";

/**
 * What a writer writes to, in place of a socket: takes everything at once. A string is encoded, as a socket would have
 * to: ws leaves that to its socket, and it is part of what a text costs.
 */
export class CountingStream {
  /** As of a socket whose bytes the kernel has taken. */
  readonly writableLength: number = 0;
  /** Bytes that were written. */
  bytes = 0;
  #encoded = Buffer.allocUnsafeSlow(0);

  /** Part of a socket's interface: what one write in place of two saves is the socket's, not the writer's. */
  cork(): void {
    return undefined;
  }

  /** Part of a socket's interface. */
  uncork(): void {
    return undefined;
  }

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
