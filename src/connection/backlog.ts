import { type Bytes, asBytes } from "../protocol/bytes.ts";

/** Something to be written when its turn comes: a message, or the close frame behind the messages. */
export type Waiting = string | Bytes | Blob | (() => void);

/** Where a backlog writes to, and what it tells. */
export interface BacklogSink {
  /** Writes a message. */
  write(payload: string | Bytes): void;
  /** A `Blob` could not be read. Nothing of the backlog is written any more. */
  unreadable(error: unknown): void;
  /** All is written. */
  emptied(): void;
}

/**
 * Messages that wait because a `Blob` before them is being read, which takes a promise: the order of `send` calls is
 * the order on the wire. A connection has one only while that lasts.
 */
export class Backlog {
  readonly #sink: BacklogSink;
  #waiting: Waiting[] = [];
  #size = 0;
  #dropped = false;

  /** @param first the `Blob` that is read first */
  constructor(sink: BacklogSink, first: Blob) {
    this.#sink = sink;
    this.add(first);
    // `#drain` catches everything itself.
    void this.#drain();
  }

  /** Bytes that wait; a string counts as many as it has characters. */
  get size(): number {
    return this.#size;
  }

  /** Puts something behind what waits. */
  add(item: Waiting): void {
    this.#waiting.push(item);
    this.#size += sizeOf(item);
  }

  /** Forgets all that waits. The sink is told nothing any more. */
  drop(): void {
    this.#dropped = true;
    this.#waiting = [];
    this.#size = 0;
  }

  async #drain(): Promise<void> {
    try {
      for (let item = this.#waiting.shift(); item !== undefined; item = this.#waiting.shift()) {
        const size = sizeOf(item);
        if (typeof item === "function") item();
        else if (item instanceof Blob) await this.#read(item);
        else this.#sink.write(item);
        this.#size = Math.max(0, this.#size - size);
      }
      if (!this.#dropped) this.#sink.emptied();
    } catch (error) {
      if (this.#dropped) return;
      this.drop();
      this.#sink.unreadable(error);
    }
  }

  async #read(blob: Blob): Promise<void> {
    const bytes = asBytes(Buffer.from(await blob.arrayBuffer()));
    if (!this.#dropped) this.#sink.write(bytes);
  }
}

function sizeOf(item: Waiting): number {
  if (typeof item === "function") return 0;
  return item instanceof Blob ? item.size : item.length;
}
