import { Duplex } from "node:stream";
import type { Bytes } from "../../src/protocol/bytes.ts";
import { copy, join } from "./bytes.ts";

/** How a wire behaves. */
export interface WireOptions {
  /** `write` returns false when at least this many bytes wait. */
  readonly highWaterMark?: number;
  /** As the `Duplex` option: whether the near end lives on when the far end has ended. */
  readonly allowHalfOpen?: boolean;
  /** As the `Duplex` option. */
  readonly autoDestroy?: boolean;
  /** As the `Duplex` option. */
  readonly emitClose?: boolean;
}

/**
 * A connection in memory. The near end is this `Duplex`, handed to the code under test; the far end is the test itself,
 * which decides when written bytes are taken, what arrives, and how it ends. All in one process, with no timers.
 */
export class Wire extends Duplex {
  /** Copies of the taken bytes, one entry for each system call of a socket. */
  readonly writes: Bytes[] = [];
  /** The written memory, in the same order, not copied. */
  readonly memory: Uint8Array[][] = [];
  /** True once the near end has ended its half. */
  ended = false;
  #stuck = false;
  #waiting: (() => void) | undefined;

  constructor({
    highWaterMark = 16 * 1024,
    allowHalfOpen = true,
    autoDestroy = true,
    emitClose = true,
  }: WireOptions = {}) {
    super({ highWaterMark, allowHalfOpen, autoDestroy, emitClose });
  }

  /** All that was taken so far. */
  get taken(): Bytes {
    return join(this.writes);
  }

  /** Stops taking: written bytes wait, and the near end fills up. */
  stick(): void {
    this.#stuck = true;
  }

  /** Takes the write that waits, and no other after it. */
  takeOne(): void {
    const take = this.#waiting;
    this.#waiting = undefined;
    take?.();
  }

  /** Takes what waits and what comes later. */
  flow(): void {
    this.#stuck = false;
    this.takeOne();
  }

  /** The far end sends: each part is a chunk of its own, in memory of its own. */
  arrive(...chunks: readonly Uint8Array[]): void {
    for (const chunk of chunks) this.push(copy(chunk));
  }

  /** The far end ends its half. */
  arriveEnd(): void {
    this.push(null);
  }

  /** The far end resets the connection. */
  reset(): void {
    this.destroy(Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET", errno: -104, syscall: "read" }));
  }

  override _read(): void {
    // The far end sends only when the test says so.
  }

  override _write(chunk: Uint8Array, _encoding: string, done: () => void): void {
    this.#take([chunk], done);
  }

  override _writev(chunks: readonly { chunk: Uint8Array }[], done: () => void): void {
    this.#take(
      chunks.map(({ chunk }) => chunk),
      done,
    );
  }

  override _final(done: () => void): void {
    this.ended = true;
    done();
  }

  #take(pieces: readonly Uint8Array[], done: () => void): void {
    const before = join(pieces);
    const take = (): void => {
      if (Buffer.compare(join(pieces), before) !== 0)
        throw new Error("bytes were overwritten while they waited in the stream");
      this.writes.push(before);
      this.memory.push([...pieces]);
      done();
    };
    if (this.#stuck) this.#waiting = take;
    else take();
  }
}

/**
 * Runs everything that is due in the event loop: callbacks for the end of this turn, and their effects.
 *
 * @param times - How many ends of turns to wait for.
 */
export async function turns(times = 4): Promise<void> {
  for (let i = 0; i < times; i++) await new Promise((resolve) => setImmediate(resolve));
}
