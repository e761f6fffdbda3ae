import { Duplex } from "node:stream";
import { types } from "node:util";

import { asError } from "../../connection/transport/stream-events.ts";
import { attempt } from "../../util/attempt.ts";
import { discard } from "./streams.ts";

/**
 * Stands for another stream while Node's HTTP client uses it. Node's parser ends the process if a stream delivers anything but bytes, and its
 * client calls the methods of a stream where nobody catches what they throw. A stream of the application may do both: then this one fails.
 */
export class Relay extends Duplex {
  readonly #stream: Duplex;
  #isReading = false;

  /** @param head bytes of the stream that were read before */
  constructor(stream: Duplex, head?: Buffer) {
    super();
    this.#stream = stream;
    if (head !== undefined && head.length > 0) this.push(head);
    try {
      stream.on("end", this.#onEnd).on("error", this.#onError).on("close", this.#onClose);
      if (stream.readableEnded) this.#onEnd();
      if (stream.destroyed) this.#onClose();
    } catch (error) {
      this.destroy(asError(error));
    }
  }

  /** Stops reading. Returns the stream, and the bytes of it that were read and not used: `head` first. */
  release(head: Buffer): { readonly stream: Duplex; readonly head: Buffer } {
    this.#isReading = true;
    this.#stop();
    const more = this.read() as Buffer | null;
    return { stream: this.#stream, head: more === null ? head : Buffer.concat([head, more]) };
  }

  readonly #onData = (chunk: unknown): void => {
    // Who made the stream may use the memory again.
    const bytes = types.isUint8Array(chunk) ? attempt(() => Buffer.from(chunk)) : undefined;
    if (bytes !== undefined) this.push(bytes);
    else this.destroy(new TypeError(`A stream delivered a chunk that is no bytes: ${typeof chunk}`));
  };

  readonly #onEnd = (): void => void this.push(null);

  readonly #onError = (cause: unknown): void => void this.destroy(asError(cause));

  readonly #onClose = (): void => void this.destroy(this.#stream.errored ?? undefined);

  #stop(): void {
    const stream = this.#stream.off("data", this.#onData).off("end", this.#onEnd);
    stream.off("error", this.#onError).off("close", this.#onClose);
    // As Node does it: the next listener to "data" makes it flow.
    (stream as { readableFlowing: boolean | null }).readableFlowing = null;
  }

  /** What may come before the stream is released has a limit: `maxHeaderSize`. */
  override _read(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    try {
      // Not earlier: whoever gets the stream must find its end after its bytes.
      this.#stream.on("data", this.#onData).resume();
    } catch (error) {
      this.destroy(asError(error));
    }
  }

  override _write(bytes: Buffer, _encoding: unknown, done: (cause?: Error) => void): void {
    try {
      // It is one small request. That it has failed is told by "error".
      this.#stream.write(bytes);
      done();
    } catch (error) {
      done(asError(error));
    }
  }

  override _destroy(cause: Error | null, done: (cause: Error | null) => void): void {
    attempt(() => this.#stop());
    discard(this.#stream);
    done(cause);
  }
}
