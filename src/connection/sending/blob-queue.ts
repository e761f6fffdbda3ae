import { asBytes } from "../../protocol/bytes.ts";
import { Fifo } from "../../util/fifo.ts";
import { type BlobLike, type OutgoingMessage, copyIfShort, isBlobLike } from "./outgoing-message.ts";
import { chargeFor } from "./send-queue.ts";
import { memoryChangedError } from "../transport/direct-write.ts";

/** An entry of the queue: a message, or a function that is called after the messages before it, such as one that sends the close frame. */
export type BlobQueueItem = OutgoingMessage | (() => void);

/** An item of the queue, and the number of bytes it had when it was added. */
interface Entry {
  readonly item: BlobQueueItem;
  readonly size: number;
}

/** The receiver of a blob queue's messages and events. */
export interface BlobQueueSink {
  /** Writes a message. */
  write(message: OutgoingMessage): void;
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

  /** @param first the message whose `Blob` is read first */
  constructor(sink: BlobQueueSink, first: OutgoingMessage) {
    this.#sink = sink;
    this.add(first);
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
  add(item: BlobQueueItem): void {
    const size = sizeOf(item);
    this.#waiting.push({ item: typeof item === "function" ? item : withOwnBytes(item), size });
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
        const { item, size } = next;
        if (typeof item === "function") item();
        else if (isBlobLike(item.payload)) await this.#read(item, item.payload, size);
        else if (item.payload.length === size) this.#write(item, size);
        else throw memoryChangedError();
        if (this.#dropped) return;
      }
      this.#sink.onEmpty();
    } catch (error) {
      if (this.#dropped) return;
      this.#sink.onBlobFailed(error, this.drop());
    }
  }

  async #read(message: OutgoingMessage, blob: BlobLike, size: number): Promise<void> {
    const payload = asBytes(Buffer.from(await blob.arrayBuffer()));
    if (!this.#dropped) this.#write({ ...message, payload }, size);
  }

  /** Passes a message to the sink, and no longer counts it here. */
  #write(message: OutgoingMessage, size: number): void {
    this.#size -= size;
    this.#count--;
    this.#sink.write(message);
  }
}

function withOwnBytes(message: OutgoingMessage): OutgoingMessage {
  const { payload } = message;
  return payload instanceof Uint8Array ? { ...message, payload: copyIfShort(payload) } : message;
}

function sizeOf(item: BlobQueueItem): number {
  if (typeof item === "function") return 0;
  return isBlobLike(item.payload) ? item.payload.size : item.payload.length;
}
