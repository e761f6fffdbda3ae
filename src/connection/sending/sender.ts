import type { Duplex } from "node:stream";

import { type Bytes, asBytes } from "../../protocol/bytes.ts";
import { Opcode } from "../../protocol/opcodes.ts";
import type { MessageCounters } from "../counters/message-counters.ts";
import { BlobQueue, type BlobQueueSink, type BlobLike } from "./blob-queue.ts";
import { sendBudget } from "./send-budget.ts";
import { WriteBuffer } from "./write-buffer.ts";
import { type QueuedMessage, SendQueue } from "./send-queue.ts";
import { DrainWaiters, type DrainSource } from "./drain-waiters.ts";
import type { SendingSettings } from "./settings.ts";
import { repeatedFrame } from "./text-frames.ts";
import { isNodeSocket, memoryChanged } from "../transport/direct-write.ts";

/** What became of a message. */
export const SendResult = {
  /** It was given up. */
  dropped: 0,
  /** It was taken, and more than `highWaterMark` waits: better wait. */
  acceptedAndSlow: 1,
  /** It was taken. */
  accepted: 2,
} as const;

/** One of `Sent`. */
export type SendResult = (typeof SendResult)[keyof typeof SendResult];

/** What a sender tells its connection. */
export interface SenderHost {
  /** Too much waits for the peer, and the policy is to give it up. */
  onSendQueueFull(limit: "maxSendQueue" | "maxTotalSendQueue"): void;
  /** A `Blob` could not be read. */
  onBlobFailed(cause: unknown): void;
  /** No more than `highWaterMark` waits again, after a message was told otherwise. */
  onDrained(): void;
}

/** Bytes that an outbox gathers before it tries to write them, where what waits must stay droppable. */
const TRY_AT = 64 * 1024;

/**
 * All that one connection sends: messages on their way to the outbox, past a `Blob` that is being read (`Backlog`) or,
 * where the policy may drop them later, past the messages that wait one by one (`SendQueue`). It keeps the limits and
 * counts: what it was handed is written, dropped or pending. The outbox is its base and not its part, because every
 * connection has one: an object less.
 */
export class Sender extends WriteBuffer implements BlobQueueSink, DrainSource {
  readonly #settings: SendingSettings;
  readonly #host: SenderHost;
  /** Bytes that may wait without anything to decide. */
  readonly #uncongestedSize: number;
  #accepted = 0;
  #dropped = 0;
  /** Messages behind a `Blob` that is being read: most connections never have one. */
  #blobQueue: BlobQueue | undefined;
  #queue: SendQueue | undefined;
  /** Who waits for room: made for the first that must. */
  #drainWaiters: DrainWaiters | undefined;

  constructor(stream: Duplex, settings: SendingSettings, host: SenderHost) {
    super(stream, isNodeSocket(stream), settings.role);
    this.#settings = settings;
    this.#host = host;
    this.#uncongestedSize = Math.min(settings.highWaterMark, settings.maxSendQueue, TRY_AT);
  }

  /** Bytes that have not reached the operating system yet. */
  override get size(): number {
    return super.size + (this.#blobQueue?.size ?? 0) + (this.#queue?.size ?? 0);
  }

  /** Somebody waits for room. */
  get hasDrainWaiters(): boolean {
    return this.#drainWaiters !== undefined && this.#drainWaiters.hasWaiters;
  }

  /** Something waits for a `Blob`. */
  get isReadingBlob(): boolean {
    return this.#blobQueue !== undefined;
  }

  /** What became of the messages. */
  get counters(): MessageCounters {
    const pending = this.pending + (this.#blobQueue?.count ?? 0) + (this.#queue?.count ?? 0);
    return { accepted: this.#accepted, written: this.written, dropped: this.#dropped, pending };
  }

  /** Sends a message: a string as text, bytes and a `Blob` as binary. `key`: under the policy "latest", its key. */
  send(payload: string | Bytes | BlobLike, key?: string): SendResult {
    this.#accepted++;
    if (!this.#isUncongested() && !this.#admitOrDrop(key)) return SendResult.dropped;
    if (this.#blobQueue !== undefined) this.#blobQueue.add(payload, key);
    else if (typeof payload === "string" || payload instanceof Uint8Array) this.write(payload, key);
    else this.#blobQueue = new BlobQueue(this, payload, key);
    return this.#isUncongested() ? SendResult.accepted : this.#resultOfSend();
  }

  /** Sends a frame that others get too. `payload` is what is in it. */
  sendShared(frame: Bytes, payload: string | Bytes, key?: string): SendResult {
    // After a `Blob` that is being read it waits, as all messages do. A client's frame has a masking key of its own.
    if (this.#blobQueue !== undefined || this.encoder.masks) return this.send(payload, key);
    this.#accepted++;
    if (!this.#isUncongested() && !this.#admitOrDrop(key)) return SendResult.dropped;
    if (this.#queuesMessages()) this.#enqueue("frame", frame, key);
    else this.addShared(frame);
    return this.#isUncongested() ? SendResult.accepted : this.#resultOfSend();
  }

  /** Runs `task` behind the messages that wait for a `Blob`; at once, if none do. */
  runAfterBlobs(task: () => void): void {
    if (this.#blobQueue === undefined) task();
    else this.#blobQueue.add(task);
  }

  /** Sends the close frame behind all messages. */
  override addClose(body: Bytes): void {
    this.#writeAllQueued();
    super.addClose(body);
  }

  /** Sends a close frame that waits for nothing: what a slow peer has not got yet is given up. */
  closeNow(body: Bytes): void {
    this.#dropQueue();
    this.#dropped += this.dropUnsent();
    super.addClose(body);
  }

  /** Nothing is sent any more: what was handed over goes out, and the stream is ended behind it. */
  override end(): void {
    this.#dropBlobQueue();
    this.#writeAllQueued();
    this.#drainWaiters?.close();
    super.end();
  }

  /** The stream is gone, and with it what waited. */
  override onGone(): number {
    const before = this.#dropped;
    this.#dropBlobQueue();
    this.#dropQueue();
    this.#dropped += super.onGone();
    this.#drainWaiters?.close();
    return this.#dropped - before;
  }

  /** The stream has room again. */
  override onDrain(): void {
    super.onDrain();
    this.#writeQueued();
    this.#drainWaiters?.onTaken();
  }

  /** The stream has taken what it had when news were asked for. */
  onTaken(): void {
    this.#drainWaiters?.onTaken();
  }

  /** Settles when no more than `highWaterMark` bytes wait: true; when the connection is gone before: false. */
  whenDrained(): Promise<boolean> {
    return this.isDrained ? Promise.resolve(true) : this.#waiters.wait();
  }

  // From the backlog.

  write(payload: string | Bytes, key?: string): void {
    if (this.#queuesMessages()) {
      if (typeof payload === "string") this.#enqueue("text", asBytes(Buffer.from(payload)), key);
      else this.#enqueue("binary", payload, key);
      return;
    }
    if (typeof payload !== "string") {
      this.addMessage(Opcode.binary, payload);
      return;
    }
    const frame = this.encoder.masks ? undefined : repeatedFrame(payload);
    if (frame === undefined) this.addText(payload);
    else this.addShared(frame);
  }

  onBlobFailed(cause: unknown, lost: number): void {
    this.#dropped += lost;
    this.#host.onBlobFailed(cause);
  }

  onEmpty(): void {
    this.#blobQueue = undefined;
    this.#drainWaiters?.onTaken();
  }

  // From the room.

  get isDrained(): boolean {
    // Where a message would not be taken there is none, whatever `highWaterMark` says.
    return this.#isWithinLimits(this.unsentSize) && this.#limitedSize <= this.#limit;
  }

  askWhenTaken(): void {
    // Behind a `Blob` nothing is to be seen yet: `emptied` looks again.
    if (this.#blobQueue !== undefined) return;
    // News are of what has been tried. A stream that is full tells by itself.
    this.flush();
    if (!this.isFull) this.notifyWhenTaken();
  }

  onDrained(): void {
    this.#host.onDrained();
  }

  get #waiters(): DrainWaiters {
    return (this.#drainWaiters ??= new DrainWaiters(this));
  }

  /** Bytes that wait before the outbox, as far as limits are concerned. */
  get #queuedSize(): number {
    return (
      (this.#blobQueue === undefined ? 0 : this.#blobQueue.chargedSize) +
      (this.#queue === undefined ? 0 : this.#queue.chargedSize)
    );
  }

  protected override get unsentSize(): number {
    return this.minimumSize + this.#queuedSize;
  }

  #isWithinLimits(waiting: number): boolean {
    return waiting <= this.#settings.highWaterMark && waiting <= this.#settings.maxSendQueue;
  }

  /** So little waits that no limit and no policy has a say: what nearly every message meets, twice. */
  #isUncongested(): boolean {
    return (
      !this.isFull &&
      this.minimumSize <= this.#uncongestedSize &&
      this.#blobQueue === undefined &&
      this.#queue === undefined
    );
  }

  #resultOfSend(): SendResult {
    const waiting = this.unsentSize;
    // Before much has gathered it is tried, so that what then waits can still be dropped.
    if (waiting > TRY_AT && this.#dropsQueued()) this.flush();
    if (this.#isWithinLimits(waiting)) return SendResult.accepted;
    this.#waiters.request();
    return SendResult.acceptedAndSlow;
  }

  /** Whether one more message may wait. Where none may, the policy has decided what becomes of it. */
  #admitOrDrop(key: string | undefined): boolean {
    if (!this.isFull && this.unsentSize <= this.#settings.maxSendQueue) return true;
    if (this.#limitedSize <= this.#limit) return true;
    // What was sent in this turn has not been tried yet.
    this.flush();
    const limit = this.#limit;
    if (this.#limitedSize <= limit) return true;
    const name = limit < this.#settings.maxSendQueue ? "maxTotalSendQueue" : "maxSendQueue";
    this.#settings.limitCounters[name]++;
    if (this.#dropOlder(limit, key)) return true;
    this.#dropped++;
    if (this.#closesWhenFull()) this.#host.onSendQueueFull(name);
    else this.#waiters.request();
    return false;
  }

  /** What waits, as far as the policy can do something about it. */
  get #limitedSize(): number {
    return this.#queue === undefined ? this.unsentSize : this.#queuedSize;
  }

  /** Bytes that may wait for this peer now. */
  get #limit(): number {
    const { maxSendQueue, maxTotalSendQueue } = this.#settings;
    return this.isFull ? Math.min(maxSendQueue, sendBudget.share(maxTotalSendQueue)) : maxSendQueue;
  }

  /** Drops older messages for a new one, where the policy says so. */
  #dropOlder(limit: number, key: string | undefined): boolean {
    // Behind a `Blob` nothing is dropped: the order is that of `send`.
    if (!this.#dropsQueued() || this.#blobQueue !== undefined) return false;
    const queue = this.#queue;
    // What the outbox has is too late to drop; the message is the first of a queue.
    if (queue === undefined) return true;
    if (this.#settings.sendQueuePolicy === "latest") {
      this.#dropped += queue.conflate();
      // One that takes another's place adds little; but not without end, should each be larger than the one before.
      return queue.chargedSize <= limit || (queue.has(key) && queue.chargedSize <= limit * 2);
    }
    this.#dropped += queue.dropTo(limit);
    this.#accountQueue(queue);
    return true;
  }

  /** A peer for which no more may wait is given up, by the policy. Behind a `Blob` it may be reading well: the message is dropped. */
  #closesWhenFull(): boolean {
    const { sendQueuePolicy } = this.#settings;
    return sendQueuePolicy === "terminate" || (sendQueuePolicy === "latest" && this.#blobQueue === undefined);
  }

  /** The policy drops messages that wait already. */
  #dropsQueued(): boolean {
    const { sendQueuePolicy } = this.#settings;
    return sendQueuePolicy === "drop-oldest" || sendQueuePolicy === "latest";
  }

  /** A message that comes now waits one by one. */
  #queuesMessages(): boolean {
    return (this.isFull || this.#queue !== undefined) && this.#dropsQueued();
  }

  #enqueue(kind: QueuedMessage["kind"], bytes: Bytes, key: string | undefined): void {
    const queue = (this.#queue ??= new SendQueue());
    if (queue.add(kind, bytes, key)) this.#dropped++;
    this.#accountQueue(queue);
  }

  /** Hands over what waits singly, as far as the stream takes it. */
  #writeQueued(): void {
    const queue = this.#queue;
    if (queue === undefined) return;
    while (!this.isFull && queue.count > 0) {
      this.#writeOne(queue.take()!);
      if (this.minimumSize > TRY_AT) this.flush();
    }
    this.flush();
    this.#accountQueue(queue);
  }

  /** Hands over all that waits singly: nothing can be dropped behind it. */
  #writeAllQueued(): void {
    const queue = this.#queue;
    if (queue === undefined) return;
    while (queue.count > 0) this.#writeOne(queue.take()!);
    this.#accountQueue(queue);
  }

  #writeOne({ kind, bytes, size }: QueuedMessage): void {
    if (bytes.length !== size) this.breakStream(memoryChanged());
    else if (kind === "frame") this.addShared(bytes);
    else this.addMessage(kind === "text" ? Opcode.text : Opcode.binary, bytes);
  }

  #accountQueue(queue: SendQueue): void {
    if (queue.count === 0) this.#queue = undefined;
    this.updateBudget();
  }

  #dropQueue(): void {
    const queue = this.#queue;
    if (queue === undefined) return;
    this.#dropped += queue.dropTo(-1);
    this.#accountQueue(queue);
  }

  #dropBlobQueue(): void {
    this.#dropped += this.#blobQueue?.drop() ?? 0;
    this.#blobQueue = undefined;
  }
}
