import { HawserError } from "../../errors/errors.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import { Opcode } from "../../protocol/opcodes.ts";
import type { MessageCounters } from "../counters/message-counters.ts";
import { FragmentWriter, type FragmentSink } from "./fragment-writer.ts";
import { PreparationQueue, type PreparationSink } from "./preparation-queue.ts";
import { DrainWaiters, type DrainSource } from "./drain-waiters.ts";
import { addMessage, addText } from "./add-message.ts";
import type { MessageCompressor } from "./message-compressor.ts";
import { Compression, type OutgoingMessage } from "./outgoing-message.ts";
import { needsPreparation, preparationOf } from "./preparation.ts";
import { sendBudget } from "./send-budget.ts";
import { closesWhenFull, dropsQueued } from "./send-policy.ts";
import { type QueuedMessage, SendQueue } from "./send-queue.ts";
import type { SendingSettings } from "./settings.ts";
import { SendResult } from "./send-result.ts";
import { LastFragment, StreamMessage } from "./stream-message.ts";
import { spaceFor } from "./text-frames.ts";
import type { WriteBuffer } from "./write-buffer.ts";
import { callInNoContext } from "../transport/no-context.ts";
import { memoryChangedError } from "../transport/direct-write.ts";

/** The events of a sender, for its connection. */
export interface SenderOwner {
  /** The settings of all connections of its owner. */
  readonly settings: SendingSettings;
  /** Is told that a part of a message was sent. */
  readonly liveness: { noteMessage(): void };
  /** The connection must be closed: a message could not be prepared, or too many bytes wait and the policy says so. */
  onError(error: HawserError): void;
  /** At most `highWaterMark` bytes wait again, after `send` had reported more. */
  onDrained(): void;
}

/** With a policy that drops waiting messages, the write buffer is flushed above this size: what it holds cannot be dropped. */
const FLUSH_ABOVE = 64 * 1024;

/**
 * Sends the messages of one connection. A message goes to the write buffer; it first waits in the `PreparationQueue` while it,
 * or one before it, is prepared, or in the `SendQueue` if the policy may drop it later. The sender applies the limits and counts
 * the messages: each accepted one is written, dropped or pending.
 */
export class Sender implements PreparationSink, FragmentSink, DrainSource {
  /** What is to be written. */
  readonly buffer: WriteBuffer;
  readonly #owner: SenderOwner;
  /** Up to this backlog no limit and no policy applies: nearly every message finds less. */
  readonly #uncongestedBacklog: number;
  #accepted = 0;
  #dropped = 0;
  readonly #compressor: MessageCompressor | undefined;
  /** The messages after one that is being prepared. Most connections never have this queue. */
  #preparationQueue: PreparationQueue | undefined;
  #queue: SendQueue | undefined;
  /** The callers that wait for the sender to drain. It is made for the first of them. */
  #drainWaiters: DrainWaiters | undefined;

  /** @param compressor undefined: no compression was agreed */
  constructor(buffer: WriteBuffer, owner: SenderOwner, compressor?: MessageCompressor) {
    this.buffer = buffer;
    this.#owner = owner;
    this.#compressor = compressor;
    const { highWaterMark, maxSendQueue } = owner.settings;
    this.#uncongestedBacklog = Math.min(FLUSH_ABOVE, highWaterMark, maxSendQueue);
  }

  /** The bytes that the operating system has not taken yet. */
  get size(): number {
    return this.buffer.size + (this.#preparationQueue?.size ?? 0) + (this.#queue?.size ?? 0);
  }

  /** Whether a caller waits for `whenDrained()`. */
  get hasDrainWaiters(): boolean {
    return this.#drainWaiters !== undefined && this.#drainWaiters.hasWaiters;
  }

  /** The numbers of messages, by their state. */
  get counters(): MessageCounters {
    const { written, pending } = this.buffer;
    const queued = (this.#preparationQueue?.count ?? 0) + (this.#queue?.count ?? 0);
    return { accepted: this.#accepted, written, dropped: this.#dropped, pending: pending + queued };
  }

  /** Sends a text that has no key. It is the common case, and needs no object for each message. */
  sendText(text: string): SendResult {
    const { backlog } = this.buffer;
    const limit = this.#uncongestedBacklog;
    const isQueued = this.#preparationQueue !== undefined || this.#queue !== undefined;
    if (backlog > limit || isQueued || this.#compressor?.isWorth(text) === true)
      return this.send({ opcode: Opcode.text, payload: text, key: undefined, compression: Compression.allowed });
    this.#accepted++;
    addText(this.buffer, text);
    return backlog + spaceFor(text) <= limit ? SendResult.accepted : this.#resultOfSend();
  }

  /** Sends a message. `reportsDrain`: if too many bytes wait, `onDrained` follows. */
  send(message: OutgoingMessage, reportsDrain = true): SendResult {
    this.#accepted++;
    if (!this.#isUncongested() && !this.#applySendPolicy(message.key, reportsDrain)) return SendResult.dropped;
    if (this.#preparationQueue !== undefined) this.#preparationQueue.add(message);
    else if (needsPreparation(message, this.#compressor)) this.#prepare(message);
    else this.write(message);
    return this.#isUncongested() ? SendResult.accepted : this.#resultOfSend(reportsDrain);
  }

  /** Runs `task` after the messages that wait in the preparation queue, or at once if there are none. */
  runAfterPreparation(task: () => void): void {
    if (this.#preparationQueue === undefined) task();
    else this.#preparationQueue.add(task);
  }

  /** Sends the close frame, after all messages. */
  addClose(body: Bytes): void {
    this.#writeAllQueued();
    this.buffer.addClose(body);
  }

  /** Sends a close frame that does not wait: the messages that wait for a slow peer are dropped. */
  addCloseNow(body: Bytes): void {
    this.#dropQueue();
    this.#dropped += this.buffer.dropUnsent();
    this.buffer.addClose(body);
  }

  /** No more messages are sent. The waiting ones are written, and then the stream is ended. */
  end(): void {
    this.#dropPreparationQueue();
    this.#writeAllQueued();
    this.#drainWaiters?.close();
    this.buffer.end();
  }

  /** The peer wants no more: promises that wait for a drain are resolved with false, and a stream is cut, with what waits for it. */
  onPeerClose(): void {
    this.#drainWaiters?.close();
    const tasks = this.#preparationQueue?.tasksAfterStream;
    if (tasks !== undefined) this.#dropPreparationQueue();
    for (const task of tasks ?? []) task();
  }

  /** The stream is gone: drops all messages that wait. Returns whether it has dropped some. */
  onStreamClose(): boolean {
    const before = this.#dropped;
    this.#dropPreparationQueue();
    this.#dropQueue();
    this.#dropped += this.buffer.onStreamClose();
    this.#drainWaiters?.close();
    this.#compressor?.forgetHistory();
    return this.#dropped > before;
  }

  /** The stream is not full any more. */
  onDrain(): void {
    this.buffer.onDrain();
    this.#writeQueued();
    if (this.#preparationQueue !== undefined) this.#noteQueued();
    this.#preparationQueue?.onWritable();
    this.#drainWaiters?.onTaken();
  }

  /** The stream has taken the bytes it had when `notifyWhenTaken` was called. */
  onTaken(): void {
    this.#drainWaiters?.onTaken();
  }

  /** Resolves with true when at most `highWaterMark` bytes wait, or with false if the connection is gone before that. */
  whenDrained(): Promise<boolean> {
    return this.isDrained ? Promise.resolve(true) : this.#waiters.wait();
  }

  // Called by the preparation queue.

  prepare(message: OutgoingMessage, queue: PreparationQueue): Promise<OutgoingMessage | undefined> | undefined {
    if (message instanceof StreamMessage) return message.send(new FragmentWriter(this, queue, this.#compressor));
    return preparationOf(message, this.#compressor, queue);
  }

  write(message: OutgoingMessage): void {
    // The call that added it was about to, when the close frame was added before it.
    const isLate = this.#preparationQueue !== undefined && !this.buffer.acceptsMessages;
    if (isLate) this.#dropped++;
    else if (message instanceof LastFragment) this.buffer.addFrame(message.firstByte, message.payload, 1);
    else if (!this.isWritable && dropsQueued(this.#settings)) this.#enqueue(message);
    else addMessage(this.buffer, message, this.#compressor);
    // A message that was prepared does not wait before the buffer any more.
    if (this.#preparationQueue !== undefined) this.#noteQueued();
  }

  onPreparationFailed(cause: unknown, lost: number): void {
    this.#dropped += lost;
    this.#noteQueued();
    this.#owner.onError(new HawserError("HWS_SEND_FAILED", undefined, { cause }));
  }

  onEmpty(): void {
    this.#preparationQueue = undefined;
    this.#noteQueued();
    this.#drainWaiters?.onTaken();
  }

  // Called by the fragments of a stream.

  get isWritable(): boolean {
    return !this.buffer.writer.isFull && this.#queue === undefined;
  }

  noteProgress(): void {
    this.#owner.liveness.noteMessage();
  }

  // Called by the drain waiters.

  get isDrained(): boolean {
    // If the next message would be dropped, the sender has not drained, whatever `highWaterMark` is.
    return this.#isWithinLimits(this.#unsentSize) && this.#limitedSize <= this.#limit;
  }

  askWhenTaken(): void {
    // While a message is being prepared, nothing can be checked: `onEmpty` checks again.
    if (this.#preparationQueue !== undefined) return;
    // The stream reports only the bytes it was given, so they are written first. A full stream reports without being asked.
    this.buffer.flush();
    if (!this.buffer.writer.isFull) this.buffer.writer.notifyWhenTaken();
  }

  onDrained(): void {
    // The write that was taken may be that of another connection's handler, which broadcasts.
    callInNoContext(() => this.#owner.onDrained());
  }

  onFailed(error: unknown): void {
    this.buffer.writer.destroy(error);
  }

  get #settings(): SendingSettings {
    return this.#owner.settings;
  }

  get #waiters(): DrainWaiters {
    return (this.#drainWaiters ??= new DrainWaiters(this));
  }

  /** The bytes that wait before the write buffer, as the limits count them. */
  get #queuedSize(): number {
    return (this.#preparationQueue?.chargedSize ?? 0) + (this.#queue?.chargedSize ?? 0);
  }

  /** The bytes that wait before the stream and in it. Texts that are not encoded yet may need more than is counted here. */
  get #unsentSize(): number {
    return this.buffer.minimumSize + this.#queuedSize;
  }

  #isWithinLimits(waiting: number): boolean {
    return waiting <= this.#settings.highWaterMark && waiting <= this.#settings.maxSendQueue;
  }

  /** Whether so few bytes wait that no limit and no policy applies. It is nearly always true. */
  #isUncongested(): boolean {
    const isQueued = this.#preparationQueue !== undefined || this.#queue !== undefined;
    return !isQueued && this.buffer.backlog <= this.#uncongestedBacklog;
  }

  #resultOfSend(reportsDrain = true): SendResult {
    this.#noteQueued();
    // The bytes are written early: once the stream is full, messages wait where they can still be dropped.
    if (this.#unsentSize > FLUSH_ABOVE && dropsQueued(this.#settings)) this.buffer.flush();
    if (this.#isWithinLimits(this.#unsentSize)) return SendResult.accepted;
    if (reportsDrain) this.#waiters.request();
    return SendResult.acceptedAndSlow;
  }

  /** Whether one more message may wait. If it may not, the policy was applied. */
  #applySendPolicy(key: string | undefined, reportsDrain: boolean): boolean {
    if (this.#limitedSize <= this.#limit) return true;
    // The messages of this turn were not written yet.
    this.buffer.flush();
    if (!this.buffer.acceptsMessages) {
      // The stream has closed in that write, or has read what made us close.
      this.#dropped++;
      return false;
    }
    const limit = this.#limit;
    if (this.#limitedSize <= limit) return true;
    const name = limit < this.#settings.maxSendQueue ? "maxTotalSendQueue" : "maxSendQueue";
    this.#settings.limitCounters[name]++;
    if (this.#dropOlder(limit, key)) return true;
    this.#dropped++;
    if (closesWhenFull(this.#settings, this.#preparationQueue !== undefined))
      this.#owner.onError(new HawserError("HWS_SEND_QUEUE_FULL", name));
    else if (reportsDrain) this.#waiters.request();
    return false;
  }

  /** The waiting bytes that the policy can limit. */
  get #limitedSize(): number {
    return this.#queue === undefined ? this.#unsentSize : this.#queuedSize;
  }

  /** The number of bytes that may wait for this peer now. */
  get #limit(): number {
    const { maxSendQueue, maxTotalSendQueue } = this.#settings;
    const share = sendBudget.share(maxTotalSendQueue);
    return this.buffer.writer.isFull || this.#budgetedSize > share ? Math.min(maxSendQueue, share) : maxSendQueue;
  }

  /** The bytes that wait before the write buffer, as the budget counts them. A peer that reads well has only what is kept for it alone. */
  get #budgetedSize(): number {
    return this.buffer.writer.isFull ? this.#queuedSize : (this.#preparationQueue?.ownSize ?? 0);
  }

  /** Drops older messages in favour of a new one, if the policy says so. Returns whether the new one may wait. */
  #dropOlder(limit: number, key: string | undefined): boolean {
    // While a message is being prepared nothing is dropped: messages must keep the order of `send`.
    if (!dropsQueued(this.#settings) || this.#preparationQueue !== undefined) return false;
    const queue = this.#queue;
    if (queue === undefined) {
      // The frames in the write buffer cannot be dropped any more. The message is the first of a new queue, which waits
      // until the stream has taken them: a stream with a high mark of its own would take any number.
      this.buffer.writer.treatAsFull();
      return true;
    }
    if (this.#settings.sendQueuePolicy === "latest") {
      this.#dropped += queue.conflate();
      // A replacement may exceed the limit, because the older message goes. Replacements may grow, so twice the limit is the end.
      return queue.chargedSize <= limit || (queue.has(key) && queue.chargedSize <= limit * 2);
    }
    this.#dropped += queue.dropTo(limit);
    this.#accountQueue(queue);
    return true;
  }

  #prepare(first: OutgoingMessage): void {
    const queue = new PreparationQueue(this, first, !this.buffer.sharesFrames);
    // Known before it starts: what the `Blob` of an application sends while it is read waits for it.
    this.#preparationQueue = queue;
    queue.start();
  }

  #enqueue(message: OutgoingMessage): void {
    const queue = (this.#queue ??= new SendQueue(this.buffer.sharesFrames));
    if (queue.add(message)) this.#dropped++;
    this.#accountQueue(queue);
  }

  /** Moves messages from the send queue to the write buffer, until the stream is full. */
  #writeQueued(): void {
    const queue = this.#queue;
    if (queue === undefined) return;
    while (!this.buffer.writer.isFull && queue.count > 0) {
      this.#writeMessage(queue.shift()!);
      if (this.buffer.minimumSize > FLUSH_ABOVE) this.buffer.flush();
    }
    this.buffer.flush();
    this.#accountQueue(queue);
  }

  /** Moves all messages from the send queue to the write buffer. They cannot be dropped any more. */
  #writeAllQueued(): void {
    const queue = this.#queue;
    if (queue === undefined) return;
    while (queue.count > 0) this.#writeMessage(queue.shift()!);
    this.#accountQueue(queue);
  }

  #writeMessage({ message, length }: QueuedMessage): void {
    if (message.payload instanceof Uint8Array && message.payload.length !== length) {
      this.#dropped++;
      this.buffer.writer.destroy(memoryChangedError());
    } else addMessage(this.buffer, message, this.#compressor);
  }

  #accountQueue(queue: SendQueue): void {
    if (queue.count === 0) this.#queue = undefined;
    this.#noteQueued();
  }

  /** The budget of the process counts the queues too. */
  #noteQueued(): void {
    this.buffer.noteQueued(this.#budgetedSize);
  }

  #dropQueue(): void {
    // Also those that no policy drops.
    this.#dropped += this.#queue?.count ?? 0;
    this.#queue = undefined;
    this.#noteQueued();
  }

  #dropPreparationQueue(): void {
    this.#dropped += this.#preparationQueue?.drop() ?? 0;
    this.#preparationQueue = undefined;
    this.#noteQueued();
  }
}
