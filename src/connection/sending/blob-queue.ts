import { type Bytes, asBytes } from "../../protocol/bytes.ts";
import { Fifo } from "../../util/fifo.ts";
import { chargeFor } from "./send-queue.ts";
import { LARGEST_CUT } from "./slab.ts";
import { memoryChanged } from "../transport/direct-write.ts";

/** A message that has yet to be read: a `Blob`, or one that several connections share. */
export type BlobLike = Pick<Blob, "size" | "arrayBuffer">;

/** Something to be written when its turn comes: a message, or the close frame behind the messages. */
export type Waiting = string | Bytes | BlobLike | (() => void);

/** Something that waits, and how many bytes it had when it was added. */
interface Entry {
  readonly item: Waiting;
  readonly size: number;
  readonly key: string | undefined;
}

/** Where a backlog writes to, and what it tells. */
export interface BlobQueueSink {
  /** Writes a message. */
  write(payload: string | Bytes, key?: string): void;
  /** A `Blob` could not be read. Nothing of the backlog is written any more: `lost` messages. */
  onBlobFailed(error: unknown, lost: number): void;
  /** All is written. */
  onEmpty(): void;
}

/**
 * Messages that wait because a `Blob` before them is being read, which takes a promise: the order of `send` calls is
 * the order on the wire. A connection has one only while that lasts.
 */
export class BlobQueue {
  readonly #sink: BlobQueueSink;
  readonly #waiting = new Fifo<Entry>();
  #size = 0;
  #count = 0;
  #dropped = false;

  /** @param first what is read first */
  constructor(sink: BlobQueueSink, first: BlobLike, key?: string) {
    this.#sink = sink;
    this.add(first, key);
    // `#drain` catches everything itself.
    void this.#drain();
  }

  /** Bytes that wait; a string counts as many as it has characters. */
  get size(): number {
    return this.#size;
  }

  /** What they are taken for, in bytes: see `heldBy`. */
  get chargedSize(): number {
    return chargeFor(this.#count, this.#size);
  }

  /** Messages that wait. */
  get count(): number {
    return this.#count;
  }

  /** Puts something behind what waits. */
  add(item: Waiting, key?: string): void {
    // As everywhere, short bytes are the caller's again when `send` returns.
    const kept = item instanceof Uint8Array && item.length <= LARGEST_CUT ? asBytes(Buffer.from(item)) : item;
    const size = sizeOf(item);
    this.#waiting.push({ item: kept, size, key });
    this.#size += size;
    if (typeof item !== "function") this.#count++;
  }

  /** Forgets all that waits, and returns how many messages that was. The sink is told nothing any more. */
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

  /** It waits here no more: what it is now, the sink knows. */
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

/** A `Blob` that is read once for all the connections it goes to. */
export function readOnce(blob: Blob): BlobLike {
  let bytes: Promise<ArrayBuffer> | undefined;
  return { size: blob.size, arrayBuffer: () => (bytes ??= blob.arrayBuffer()) };
}
