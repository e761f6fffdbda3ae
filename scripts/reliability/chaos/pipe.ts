import type { Socket } from "node:net";

/** What happens to the bytes of one direction. It may be changed at any time. */
export interface Flow {
  /** Bytes wait until this is false again. */
  stalled: boolean;
  /** Milliseconds that each byte waits. */
  delay: number;
  /** Bytes that may pass in a second, on all connections together. */
  bytesPerSecond: number;
  /** Bytes that may pass until the next tick. */
  budget: number;
}

/** A direction in which all bytes pass at once. */
export function freeFlow(): Flow {
  return { stalled: false, delay: 0, bytesPerSecond: Infinity, budget: Infinity };
}

/** Bytes that wait before the source is read no more. */
const MAX_WAITING = 1024 * 1024;

/** One direction of a connection through the proxy. When its source ends, what waits still passes. */
export class Pipe {
  readonly #flow: Flow;
  readonly #source: Socket;
  #sink: Socket;
  #waiting: { readonly due: number; readonly bytes: Buffer }[] = [];
  #size = 0;
  #hasEnded = false;
  #isDone = false;

  constructor(source: Socket, sink: Socket, flow: Flow, onBytes: (bytes: Buffer) => void = () => undefined) {
    this.#source = source;
    this.#sink = sink;
    this.#flow = flow;
    source.on("data", (bytes: Buffer) => {
      onBytes(bytes);
      this.#waiting.push({ due: performance.now() + flow.delay, bytes });
      this.#size += bytes.length;
      if (this.#size > MAX_WAITING) source.pause();
      this.pump();
    });
    const onEnd = (): void => {
      this.#hasEnded = true;
      this.pump();
    };
    source.on("end", onEnd).on("close", onEnd);
    this.#onDrain();
  }

  /** Sends what waits to another socket. */
  set sink(sink: Socket) {
    this.#sink = sink;
    this.#onDrain();
  }

  /** Passes on what may pass now. */
  pump(): void {
    const flow = this.#flow;
    while (!flow.stalled && flow.budget > 0 && this.#sink.writableLength < MAX_WAITING) {
      const [first] = this.#waiting;
      if (first === undefined || first.due > performance.now()) break;
      const bytes = first.bytes.subarray(0, Math.min(first.bytes.length, Math.ceil(flow.budget)));
      if (bytes.length === first.bytes.length) this.#waiting.shift();
      else this.#waiting[0] = { due: first.due, bytes: first.bytes.subarray(bytes.length) };
      this.#size -= bytes.length;
      flow.budget -= bytes.length;
      this.#sink.write(bytes);
    }
    if (this.#size <= MAX_WAITING / 2) this.#source.resume();
    if (!this.#hasEnded || this.#size > 0 || this.#isDone) return;
    this.#isDone = true;
    this.#sink.destroySoon();
  }

  #onDrain(): void {
    this.#sink.on("drain", () => this.pump());
  }
}
