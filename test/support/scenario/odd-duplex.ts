import { Duplex } from "node:stream";
import type { Random } from "../../../fuzz/engine/random.ts";
import type { Line, LineListener } from "./line.ts";
import type { Faults } from "./traits.ts";
import type { World } from "./world.ts";

/** How an odd stream behaves. */
export interface Oddities {
  readonly highWaterMark: number;
  readonly allowHalfOpen: boolean;
  /** When `_write` calls back. */
  readonly callsBack: "at once" | "next tick" | "later" | "mixed";
  /** The bytes after which `_write` never calls back. */
  readonly stopsAfter: number;
  readonly hasWritev: boolean;
  /** Whether it overwrites what it was given once it has taken it, as one does that encrypts in place. */
  readonly overwrites: boolean;
  /** Whether the peer sees bytes before `_write` calls back, and so may push synchronously inside `_write`. */
  readonly isEarly: boolean;
  readonly final: "at once" | "later" | "never";
  readonly destroy: "at once" | "later";
}

/** Random oddities. */
export function randomOddities(random: Random): Oddities {
  return {
    highWaterMark: random.pick([0, 1, 1024, 16_384, 1_048_576]),
    allowHalfOpen: !random.oneIn(3),
    callsBack: random.pick(["at once", "next tick", "later", "mixed"] as const),
    stopsAfter: random.oneIn(6) ? random.below(20_000) : Infinity,
    hasWritev: random.oneIn(2),
    overwrites: random.oneIn(3),
    isEarly: random.oneIn(2),
    final: random.pick(["at once", "later", "later", "never"] as const),
    destroy: random.pick(["at once", "later"] as const),
  };
}

type Done = (error?: Error | null) => void;

/** A stream of an application. It keeps all memory that it is given, which must not change any more. */
class OddDuplex extends Duplex {
  readonly #line: StreamLine;
  readonly #oddities: Oddities;

  constructor(oddities: Oddities, line: StreamLine, emitClose: boolean) {
    const { highWaterMark, allowHalfOpen } = oddities;
    super({ highWaterMark, allowHalfOpen, emitClose });
    this.#line = line;
    this.#oddities = oddities;
    if (!oddities.hasWritev) Object.defineProperty(this, "_writev", { value: null });
  }

  override _read(): void {
    // The peer pushes when it wants.
  }

  override _write(chunk: Buffer, _encoding: string, done: Done): void {
    this.#line.onWritten([chunk], done);
  }

  override _writev(chunks: readonly { readonly chunk: Buffer }[], done: Done): void {
    this.#line.onWritten(
      chunks.map(({ chunk }) => chunk),
      done,
    );
  }

  override _final(done: Done): void {
    const { final } = this.#oddities;
    this.#line.onFinal();
    if (final === "at once") done();
    else if (final === "later") setImmediate(done);
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#line.onDestroyed();
    if (this.#oddities.destroy === "at once") done(error);
    else setTimeout(done, 1, error);
  }
}

/** The line of an odd stream, whose other end the server has. */
export class StreamLine implements Line {
  /** What the server is given. */
  readonly stream: Duplex;
  readonly takes: boolean;
  readonly #throwsAfter: number;
  hasStopped = false;
  readonly #oddities: Oddities;
  readonly #listener: LineListener;
  readonly #world: World;
  readonly #random: Random;
  #bytes = 0;
  #paused = false;
  /** The server has answered the request. */
  #hasRequest = false;
  #waiting: (() => void)[] = [];

  constructor(random: Random, world: World, listener: LineListener, { emitsClose, throwsAfter }: Faults) {
    this.#random = random;
    this.#world = world;
    this.#listener = listener;
    this.#oddities = randomOddities(random);
    this.#throwsAfter = throwsAfter;
    this.takes = this.#oddities.stopsAfter === Infinity && throwsAfter === Infinity;
    this.stream = new OddDuplex(this.#oddities, this, emitsClose);
    this.stream.on("error", () => {});
    if (throwsAfter !== Infinity) this.#breakWrite();
  }

  /** Only `write` itself throws: what `_write` throws later, Node throws at the application. */
  #breakWrite(): void {
    const { stream } = this;
    const write = stream.write.bind(stream) as (...given: unknown[]) => boolean;
    const broken = (...given: unknown[]): boolean => {
      if (this.#bytes <= this.#throwsAfter) return write(...given);
      this.hasStopped = true;
      this.#listener.onStop();
      throw new Error("a stream of the application throws");
    };
    Object.defineProperty(stream, "write", { value: broken });
  }

  write(bytes: Buffer): void {
    if (this.stream.destroyed || this.stream.readableEnded) return;
    const parts = this.#random.oneIn(3) ? [bytes.subarray(0, 1), bytes.subarray(1)] : [bytes];
    for (const part of parts) {
      // The reader must not unmask in memory that others may read. `handleUpgrade` may, in the bytes after the request.
      if (this.#hasRequest) this.#world.keep(part, "a chunk that a stream has pushed");
      if (part.length > 0) this.stream.push(part);
    }
  }

  end(): void {
    if (!this.stream.destroyed) this.stream.push(null);
  }

  reset(): void {
    this.stream.destroy(Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" }));
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    for (const take of this.#waiting.splice(0)) take();
  }

  onWritten(chunks: readonly Buffer[], done: Done): void {
    this.#hasRequest = true;
    for (const chunk of chunks) {
      if (!this.#oddities.overwrites) this.#world.keep(chunk, "a chunk that a stream was given");
      this.#bytes += chunk.length;
    }
    if (this.#bytes > this.#oddities.stopsAfter) {
      this.hasStopped = true;
      this.#listener.onStop();
      return;
    }
    const take = (): void => this.#take(chunks, done);
    if (this.#paused) this.#waiting.push(take);
    else take();
  }

  onFinal(): void {
    // After the bytes that the peer has still to take.
    if (this.#waiting.length === 0) setImmediate(() => this.#listener.onEnd());
  }

  onDestroyed(): void {
    setImmediate(() => this.#listener.onEnd());
  }

  #take(chunks: readonly Buffer[], done: Done): void {
    const see = (): void => {
      const seen = chunks.map((chunk) => Buffer.from(chunk));
      if (this.#oddities.overwrites) for (const chunk of chunks) overwrite(chunk);
      for (const chunk of seen) this.#listener.onBytes(chunk);
    };
    const { isEarly, callsBack } = this.#oddities;
    const when = callsBack === "mixed" ? this.#random.pick(["at once", "next tick", "later"] as const) : callsBack;
    if (isEarly) see();
    const finish = (): void => {
      if (!isEarly) see();
      done();
    };
    if (when === "at once") finish();
    else if (when === "next tick") process.nextTick(finish);
    else setTimeout(finish, this.#random.below(4));
  }
}

/** Node answers each request that it cannot parse with the same memory (400, 47 bytes): that is not ours. */
function overwrite(chunk: Buffer): void {
  if (chunk.toString("latin1", 0, 5) !== "HTTP/") chunk.fill("?");
}
