import type { JobOwner } from "../../compression/jobs.ts";
import { headerSize } from "../../protocol/frame-header.ts";
import { Fifo } from "../../util/fifo.ts";
import { type OutgoingMessage, copyIfShort, isBlobLike } from "./outgoing-message.ts";
import { chargeFor } from "./send-queue.ts";
import { SharedMessage } from "./shared-message.ts";
import { memoryChangedError } from "../transport/direct-write.ts";

/** An entry of the queue: a message, or a function that is called after the messages before it, such as one that sends the close frame. */
export type PreparationItem = OutgoingMessage | (() => void);

/** An item of the queue, as it was when it was added. */
interface Entry {
  readonly item: PreparationItem;
  /** The number of bytes of its payload. */
  readonly length: number;
  /** The number of bytes of its frame. */
  readonly size: number;
}

/** The receiver of a preparation queue's messages and events. */
export interface PreparationSink {
  /** Prepares a message for an owner. Returns undefined if it can be written as it is. */
  prepare(message: OutgoingMessage, owner: JobOwner): Promise<OutgoingMessage> | undefined;
  /** Writes a message. */
  write(message: OutgoingMessage): void;
  /** A message could not be prepared: its `Blob` could not be read. The queue has dropped this message and all after it: `lost` messages. */
  onPreparationFailed(error: unknown, lost: number): void;
  /** The queue has written everything. */
  onEmpty(): void;
}

/**
 * The messages that wait because one before them is being prepared: its `Blob` is read, or another thread compresses it. Both
 * take a promise, and messages must leave in the order of the `send` calls. A connection has a preparation queue only while a
 * message is prepared.
 */
export class PreparationQueue implements JobOwner {
  readonly #sink: PreparationSink;
  readonly #masks: boolean;
  readonly #waiting = new Fifo<Entry>();
  #size = 0;
  #count = 0;
  #dropped = false;

  /**
   * @param first the message that is prepared first
   * @param masks whether the frames are masked: then their headers are longer
   */
  constructor(sink: PreparationSink, first: OutgoingMessage, masks: boolean) {
    this.#sink = sink;
    this.#masks = masks;
    this.add(first);
  }

  /** Begins to read. The owner must know the queue by now: the `arrayBuffer` of an application may send. */
  start(): void {
    // `#drain` never rejects: it catches every error.
    void this.#drain();
  }

  /** Whether the message that is being prepared will be written: it was not dropped. */
  get isWanted(): boolean {
    return !this.#dropped;
  }

  /** The bytes that wait, with their frame headers. */
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
  add(item: PreparationItem): void {
    if (typeof item === "function") {
      this.#waiting.push({ item, length: 0, size: 0 });
      return;
    }
    const length = lengthOf(item.payload);
    const size = headerSize(length, this.#masks) + length;
    this.#waiting.push({ item: withOwnBytes(item), length, size });
    this.#size += size;
    this.#count++;
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
        const { item, length, size } = next;
        if (typeof item === "function") item();
        else if (lengthOf(item.payload) !== length) throw memoryChangedError();
        else {
          const preparation = this.#sink.prepare(item, this);
          const prepared = preparation === undefined ? item : await preparation;
          if (!this.#dropped) this.#write(prepared, size);
        }
        if (this.#dropped) return;
      }
      this.#sink.onEmpty();
    } catch (error) {
      if (this.#dropped) return;
      this.#sink.onPreparationFailed(error, this.drop());
    }
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
  if (message instanceof SharedMessage || !(payload instanceof Uint8Array)) return message;
  return { ...message, payload: copyIfShort(payload) };
}

function lengthOf(payload: OutgoingMessage["payload"]): number {
  if (typeof payload === "string") return Buffer.byteLength(payload);
  return isBlobLike(payload) ? payload.size : payload.length;
}
