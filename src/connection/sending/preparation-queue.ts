import type { JobOwner } from "../../compression/jobs.ts";
import { headerSize } from "../../protocol/frame-header.ts";
import { Fifo } from "../../util/fifo.ts";
import { Waiters } from "../../util/waiters.ts";
import { type OutgoingMessage, isBlobLike } from "./outgoing-message.ts";
import { chargeFor } from "./send-queue.ts";
import { StreamMessage } from "./stream-message.ts";
import { asSent, waitingMessage } from "./waiting-message.ts";
import { memoryChangedError } from "../transport/direct-write.ts";

/** An entry of the queue: a message, or a function that is called after the messages before it, such as one that sends the close frame. */
export type PreparationItem = OutgoingMessage | (() => void);

/** An item of the queue, as it was when it was added. */
interface Entry {
  readonly item: PreparationItem;
  /** Whether it waits as bytes, and is a text. */
  readonly isText: boolean;
  /** The number of bytes of its payload. */
  readonly length: number;
  /** The number of bytes of its frame. */
  readonly size: number;
  /** The bytes of memory that wait because of it alone. */
  readonly ownSize: number;
}

/** A message that was taken from the queue. */
interface Taken {
  /** As it can be written, or a promise of that. */
  readonly message: OutgoingMessage | Promise<OutgoingMessage | undefined>;
  /** The number of bytes of its frame. */
  readonly size: number;
}

/** The receiver of a preparation queue's messages and events. */
export interface PreparationSink {
  /**
   * Prepares a message for a queue. Of a stream, all is sent but the last fragment. Returns undefined if it can be written as it is; a
   * promise of undefined if it was cancelled.
   */
  prepare(message: OutgoingMessage, queue: PreparationQueue): Promise<OutgoingMessage | undefined> | undefined;
  /** Writes a message. */
  write(message: OutgoingMessage): void;
  /** A message could not be prepared: its `Blob` could not be read. The queue has dropped this message and all after it: `lost` messages. */
  onPreparationFailed(error: unknown, lost: number): void;
  /** The queue has written everything. */
  onEmpty(): void;
}

/**
 * The messages that wait because one before them is being prepared: its `Blob` is read, another thread compresses it, or it is a stream. All
 * take a promise, and messages must leave in the order of the `send` calls. A connection has a preparation queue only while a
 * message is prepared.
 */
export class PreparationQueue implements JobOwner {
  readonly #sink: PreparationSink;
  readonly #masks: boolean;
  readonly #waiting = new Fifo<Entry>();
  #size = 0;
  #ownSize = 0;
  #count = 0;
  #dropped = false;
  /** The stream that is being sent. */
  #stream: StreamMessage | undefined;
  /** What waits until more can be written. */
  readonly #writable = new Waiters<void>();

  /**
   * @param first the message that is prepared first
   * @param masks whether the frames are masked: then their headers are longer
   */
  constructor(sink: PreparationSink, first: OutgoingMessage, masks: boolean) {
    this.#sink = sink;
    this.#masks = masks;
    // It is taken at once: it does not wait.
    this.#push(first, { item: first, isText: false, ownSize: 0 });
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

  /** The bytes of memory that wait for the message that is prepared, each counted at one connection only. A `Blob` has none. */
  get ownSize(): number {
    return this.#ownSize;
  }

  /** The number of messages that wait. */
  get count(): number {
    return this.#count;
  }

  /** Adds an item at the end. */
  add(item: PreparationItem): void {
    if (typeof item === "function") {
      this.#waiting.push({ item, isText: false, length: 0, size: 0, ownSize: 0 });
      return;
    }
    const { message, isText, ownSize } = waitingMessage(item);
    this.#push(message, { item: message, isText, ownSize });
  }

  #push({ payload }: OutgoingMessage, entry: Pick<Entry, "item" | "isText" | "ownSize">): void {
    const length = lengthOf(payload);
    const size = headerSize(length, this.#masks) + length;
    this.#waiting.push({ ...entry, length, size });
    this.#size += size;
    this.#ownSize += entry.ownSize;
    this.#count++;
  }

  /** Drops everything that waits, and returns the number of messages dropped. The sink gets no further call. */
  drop(): number {
    const lost = this.#count;
    this.#dropped = true;
    const streams = [this.#stream, ...[...this.#waiting].map(({ item }) => item)];
    this.#waiting.clear();
    this.#size = this.#ownSize = this.#count = 0;
    for (const one of streams) if (one instanceof StreamMessage) one.cancel();
    this.#writable.resolve();
    return lost;
  }

  /** The functions that wait, if a stream is being sent or waits; undefined: none does. */
  get tasksAfterStream(): (() => void)[] | undefined {
    const items = [...this.#waiting].map(({ item }) => item);
    if (this.#stream === undefined && !items.some((item) => item instanceof StreamMessage)) return undefined;
    return items.filter((item) => typeof item === "function");
  }

  /** Settles at the next `onWritable`, or when the queue is dropped. */
  whenWritable(): Promise<void> {
    return this.#writable.wait();
  }

  /** The sender may be able to write more. */
  onWritable(): void {
    this.#writable.resolve();
  }

  async #drain(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        const taken = this.#take();
        if (taken !== undefined) {
          const { message, size } = taken;
          const prepared = message instanceof Promise ? await message : message;
          if (!this.#dropped && prepared !== undefined) this.#write(prepared, size);
        }
        if (this.#dropped) return;
      }
      this.#sink.onEmpty();
    } catch (error) {
      if (this.#dropped) return;
      this.#sink.onPreparationFailed(error, this.drop());
    }
  }

  /** Takes the next item. What is prepared is not kept beside its promise. Undefined: it was a function, which was called. */
  #take(): Taken | undefined {
    const entry = this.#waiting.shift()!;
    const { item, length, size, ownSize } = entry;
    if (typeof item === "function") {
      item();
      return undefined;
    }
    if (lengthOf(item.payload) !== length) throw memoryChangedError();
    this.#ownSize -= ownSize;
    if (item instanceof StreamMessage) this.#stream = item;
    const message = asSent({ message: item, isText: entry.isText });
    return { message: this.#sink.prepare(message, this) ?? message, size };
  }

  /** Passes a message to the sink, and no longer counts it here. */
  #write(message: OutgoingMessage, size: number): void {
    this.#size -= size;
    this.#count--;
    this.#stream = undefined;
    this.#sink.write(message);
  }
}

function lengthOf(payload: OutgoingMessage["payload"]): number {
  if (typeof payload === "string") return Buffer.byteLength(payload);
  return isBlobLike(payload) ? payload.size : payload.length;
}
