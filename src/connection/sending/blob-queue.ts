import { type Bytes, asBytes } from "../../protocol/bytes.ts";
import { Fifo } from "../../util/fifo.ts";
import { chargeFor } from "./send-queue.ts";
import { LARGEST_CUT } from "./slab.ts";
import { memoryChanged } from "../transport/direct-write.ts";

/** A message whose bytes must be read first: a `Blob`, or a `Blob` that several connections share (see `readOnce`). */
export type BlobLike = Pick<Blob, "size" | "arrayBuffer">;

/** An entry of the queue: a message, or a function that is called after the messages before it, such as one that sends the close frame. */
export type Waiting = string | Bytes | BlobLike | (() => void);

/** An item of the queue, and the number of bytes it had when it was added. */
interface Entry {
  readonly item: Waiting;
  readonly size: number;
  readonly key: string | undefined;
}

/** The receiver of a blob queue's messages and events. */
export interface BlobQueueSink {
  /** Writes a message. */
  write(payload: string | Bytes, key?: string): void;
  /** A `Blob` could not be read. The queue has dropped this message and all after it: `lost` messages. */
  onBlobFailed(error: unknown, lost: number): void;
  /** The queue has written everything. */
  onEmpty(): void;
}

/**
 * The messages that wait because a `Blob` before them is being read. Reading a `Blob` takes a promise, and messages must
 * leave in the order of the `send` calls. A connection has a blob queue only while it reads a `Blob`.
 */
export class BlobQueue {
  readonly #sink: BlobQueueSink;
  readonly #waiting = new Fifo<Entry>();
  #size = 0;
  #count = 0;
  #dropped = false;

  /** @param first the `Blob` that is read first */
  constructor(sink: BlobQueueSink, first: BlobLike, key?: string) {
    this.#sink = sink;
    this.add(first, key);
    // `#drain` never rejects: it catches every error.
    void this.#drain();
  }

  /** The bytes that wait. A string counts one byte for each character. */
  get size(): number {
    return this.#size;
  }

  /** The bytes that count towards the limits: see `chargeFor`. */
  get chargedSize(): number {
    return chargeFor(this.#count, this.#size);
  }

  /** The number of messages that wait. */
  get count(): number {
    return this.#count;
  }

  /** Adds an item at the end. */
  add(item: Waiting, key?: string): void {
    // Short bytes are copied: the caller may reuse its memory after `send` returns.
    const kept = item instanceof Uint8Array && item.length <= LARGEST_CUT ? asBytes(Buffer.from(item)) : item;
    const size = sizeOf(item);
    this.#waiting.push({ item: kept, size, key });
    this.#size += size;
    if (typeof item !== "function") this.#count++;
  }

  /** Drops everything that waits, and returns the number of messages dropped. The sink gets no further call. */
  drop(): number {
    const lost = this.#count;
    this.#dropped = true;
    this.#waiting.clear();
    this.#size = this.#count = 0;
    return lost;
  }

  async #drain(): Promise<void> {
    try {
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
        const { item, size, key } = next;
        if (typeof item === "function") item();
        else if (typeof item === "string" || item instanceof Uint8Array) {
          if (item.length !== size) throw memoryChanged();
          this.#write(item, size, key);
        } else await this.#read(item, size, key);
        if (this.#dropped) return;
      }
      this.#sink.onEmpty();
    } catch (error) {
      if (this.#dropped) return;
      this.#sink.onBlobFailed(error, this.drop());
    }
  }

  async #read(blob: BlobLike, size: number, key: string | undefined): Promise<void> {
    const bytes = asBytes(Buffer.from(await blob.arrayBuffer()));
    if (!this.#dropped) this.#write(bytes, size, key);
  }

  /** Passes a message to the sink, and no longer counts it here. */
  #write(payload: string | Bytes, size: number, key: string | undefined): void {
    this.#size -= size;
    this.#count--;
    this.#sink.write(payload, key);
  }
}

function sizeOf(item: Waiting): number {
  if (typeof item === "function") return 0;
  return typeof item === "string" || item instanceof Uint8Array ? item.length : item.size;
}

/** Wraps a `Blob` that is sent to several connections, so that it is read only once. */
export function readOnce(blob: Blob): BlobLike {
  let bytes: Promise<ArrayBuffer> | undefined;
  return { size: blob.size, arrayBuffer: () => (bytes ??= blob.arrayBuffer()) };
}
