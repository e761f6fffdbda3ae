import type { Duplex } from "node:stream";

import { type Bytes, asBytes } from "../../protocol/bytes.ts";
import { Opcode } from "../../protocol/opcodes.ts";
import type { MessageCounters } from "../counters/messages.ts";
import { Backlog, type BacklogSink, type Unread } from "./backlog.ts";
import { sendBudget } from "./budget.ts";
import { Outbox } from "./outbox.ts";
import { type Queued, SendQueue } from "./queue.ts";
import { Room, type RoomSource } from "./room.ts";
import type { SendingSettings } from "./settings.ts";
import { repeatedFrame } from "./text.ts";
import { isNodeSocket, memoryChanged } from "../stream/direct-write.ts";

/** What became of a message. */
export const Sent = {
  /** It was given up. */
  dropped: 0,
  /** It was taken, and more than `highWaterMark` waits: better wait. */
  slow: 1,
  /** It was taken. */
  taken: 2,
} as const;

/** One of `Sent`. */
export type Sent = (typeof Sent)[keyof typeof Sent];

/** What a sender tells its connection. */
export interface SenderHost {
  /** Too much waits for the peer, and the policy is to give it up. */
  overfull(limit: "maxSendQueue" | "maxTotalSendQueue"): void;
  /** A `Blob` could not be read. */
  unreadable(cause: unknown): void;
  /** No more than `highWaterMark` waits again, after a message was told otherwise. */
  hasRoom(): void;
}

/** Bytes that an outbox gathers before it tries to write them, where what waits must stay droppable. */
const TRY_AT = 64 * 1024;

/**
 * All that one connection sends: messages on their way to the outbox, past a `Blob` that is being read (`Backlog`) or,
 * where the policy may drop them later, past the messages that wait one by one (`SendQueue`). It keeps the limits and
 * counts: what it was handed is written, dropped or pending. The outbox is its base and not its part, because every
 * connection has one: an object less.
 */
export class Sender extends Outbox implements BacklogSink, RoomSource {
  readonly #settings: SendingSettings;
  readonly #host: SenderHost;
  /** Bytes that may wait without anything to decide. */
  readonly #carefree: number;
  #accepted = 0;
  #dropped = 0;
  /** Messages behind a `Blob` that is being read: most connections never have one. */
  #backlog: Backlog | undefined;
  #queue: SendQueue | undefined;
  /** Who waits for room: made for the first that must. */
  #room: Room | undefined;

  constructor(stream: Duplex, settings: SendingSettings, host: SenderHost) {
    super(stream, isNodeSocket(stream), settings);
    this.#settings = settings;
    this.#host = host;
    this.#carefree = Math.min(settings.highWaterMark, settings.maxSendQueue, TRY_AT);
  }

  /** Bytes that have not reached the operating system yet. */
  override get size(): number {
    return super.size + (this.#backlog?.size ?? 0) + (this.#queue?.size ?? 0);
  }

  /** Somebody waits for room. */
  get awaitsRoom(): boolean {
    return this.#room !== undefined && this.#room.awaited;
  }

  /** Something waits for a `Blob`. */
  get reading(): boolean {
    return this.#backlog !== undefined;
  }

  /** What became of the messages. */
  get counters(): MessageCounters {
    const pending = this.pending + (this.#backlog?.count ?? 0) + (this.#queue?.count ?? 0);
    return { accepted: this.#accepted, written: this.written, dropped: this.#dropped, pending };
  }

  /** Sends a message: a string as text, bytes and a `Blob` as binary. `key`: under the policy "latest", its key. */
  send(payload: string | Bytes | Unread, key?: string): Sent {
    this.#accepted++;
    if (!this.#isEasy() && !this.#admits(key)) return Sent.dropped;
    if (this.#backlog !== undefined) this.#backlog.add(payload, key);
    else if (typeof payload === "string" || payload instanceof Uint8Array) this.write(payload, key);
    else this.#backlog = new Backlog(this, payload, key);
    return this.#isEasy() ? Sent.taken : this.#verdict();
  }

  /** Sends a frame that others get too. `payload` is what is in it. */
  sendShared(frame: Bytes, payload: string | Bytes, key?: string): Sent {
    // Behind a backlog, or in fragments, it goes the way of all messages.
    if (this.#backlog !== undefined || this.#settings.fragmentSize !== Infinity) return this.send(payload, key);
    this.#accepted++;
    if (!this.#isEasy() && !this.#admits(key)) return Sent.dropped;
    if (this.#waitsSingly()) this.#enqueue("frame", frame, key);
    else this.shared(frame);
    return this.#isEasy() ? Sent.taken : this.#verdict();
  }

  /** Runs `task` behind the messages that wait for a `Blob`; at once, if none do. */
  afterReading(task: () => void): void {
    if (this.#backlog === undefined) task();
    else this.#backlog.add(task);
  }

  /** Sends the close frame behind all messages. */
  override close(body: Bytes): void {
    this.#handAll();
    super.close(body);
  }

  /** Sends a close frame that waits for nothing: what a slow peer has not got yet is given up. */
  giveUp(body: Bytes): void {
    this.#dropQueue();
    this.#dropped += this.yield();
    super.close(body);
  }

  /** Nothing is sent any more: what was handed over goes out, and the stream is ended behind it. */
  override end(): void {
    this.#dropBacklog();
    this.#handAll();
    this.#room?.close();
    super.end();
  }

  /** The stream is gone, and with it what waited. */
  override gone(): number {
    const before = this.#dropped;
    this.#dropBacklog();
    this.#dropQueue();
    this.#dropped += super.gone();
    this.#room?.close();
    return this.#dropped - before;
  }

  /** The stream has room again. */
  override drained(): void {
    super.drained();
    this.#feed();
    this.#room?.news();
  }

  /** The stream has taken what it had when news were asked for. */
  taken(): void {
    this.#room?.news();
  }

  /** Settles when no more than `highWaterMark` bytes wait: true; when the connection is gone before: false. */
  whenRoom(): Promise<boolean> {
    return this.hasRoom ? Promise.resolve(true) : this.#roomToBe.promise();
  }

  // From the backlog.

  write(payload: string | Bytes, key?: string): void {
    if (this.#waitsSingly()) {
      if (typeof payload === "string") this.#enqueue("text", asBytes(Buffer.from(payload)), key);
      else this.#enqueue("binary", payload, key);
      return;
    }
    if (typeof payload !== "string") {
      this.message(Opcode.binary, payload);
      return;
    }
    const frame = payload.length * 3 <= this.#settings.fragmentSize ? repeatedFrame(payload) : undefined;
    if (frame === undefined) this.text(payload);
    else this.shared(frame);
  }

  unreadable(cause: unknown, lost: number): void {
    this.#dropped += lost;
    this.#host.unreadable(cause);
  }

  emptied(): void {
    this.#backlog = undefined;
    this.#room?.news();
  }

  // From the room.

  get hasRoom(): boolean {
    // Where a message would not be taken there is none, whatever `highWaterMark` says.
    return this.#fits(this.waiting) && this.#judged <= this.#limit;
  }

  askForNews(): void {
    // Behind a `Blob` nothing is to be seen yet: `emptied` looks again.
    if (this.#backlog !== undefined) return;
    // News are of what has been tried. A stream that is full tells by itself.
    this.flush();
    if (!this.full) this.tellWhenTaken();
  }

  roomAgain(): void {
    this.#host.hasRoom();
  }

  get #roomToBe(): Room {
    return (this.#room ??= new Room(this));
  }

  /** Bytes that wait before the outbox, as far as limits are concerned. */
  get #before(): number {
    return (this.#backlog === undefined ? 0 : this.#backlog.held) + (this.#queue === undefined ? 0 : this.#queue.held);
  }

  protected override get waiting(): number {
    return this.leastSize + this.#before;
  }

  #fits(waiting: number): boolean {
    return waiting <= this.#settings.highWaterMark && waiting <= this.#settings.maxSendQueue;
  }

  /** So little waits that no limit and no policy has a say: what nearly every message meets, twice. */
  #isEasy(): boolean {
    return !this.full && this.leastSize <= this.#carefree && this.#backlog === undefined && this.#queue === undefined;
  }

  #verdict(): Sent {
    const waiting = this.waiting;
    // Before much has gathered it is tried, so that what then waits can still be dropped.
    if (waiting > TRY_AT && this.#keepsApart()) this.flush();
    if (this.#fits(waiting)) return Sent.taken;
    this.#roomToBe.want();
    return Sent.slow;
  }

  /** Whether one more message may wait. Where none may, the policy has decided what becomes of it. */
  #admits(key: string | undefined): boolean {
    if (!this.full && this.waiting <= this.#settings.maxSendQueue) return true;
    if (this.#judged <= this.#limit) return true;
    // What was sent in this turn has not been tried yet.
    this.flush();
    const limit = this.#limit;
    if (this.#judged <= limit) return true;
    const name = limit < this.#settings.maxSendQueue ? "maxTotalSendQueue" : "maxSendQueue";
    this.#settings.tally[name]++;
    if (this.#makesWay(limit, key)) return true;
    this.#dropped++;
    if (this.#givesUp()) this.#host.overfull(name);
    else this.#roomToBe.want();
    return false;
  }

  /** What waits, as far as the policy can do something about it. */
  get #judged(): number {
    return this.#queue === undefined ? this.waiting : this.#before;
  }

  /** Bytes that may wait for this peer now. */
  get #limit(): number {
    const { maxSendQueue, maxTotalSendQueue } = this.#settings;
    return this.full ? Math.min(maxSendQueue, sendBudget.share(maxTotalSendQueue)) : maxSendQueue;
  }

  /** Drops older messages for a new one, where the policy says so. */
  #makesWay(limit: number, key: string | undefined): boolean {
    // Behind a `Blob` nothing is dropped: the order is that of `send`.
    if (!this.#keepsApart() || this.#backlog !== undefined) return false;
    const queue = this.#queue;
    // What the outbox has is too late to drop; the message is the first of a queue.
    if (queue === undefined) return true;
    if (this.#settings.sendQueuePolicy === "latest") {
      this.#dropped += queue.conflate();
      // One that takes another's place adds little; but not without end, should each be larger than the one before.
      return queue.held <= limit || (queue.has(key) && queue.held <= limit * 2);
    }
    this.#dropped += queue.dropTo(limit);
    this.#accountQueue(queue);
    return true;
  }

  /** A peer for which no more may wait is given up, by the policy. Behind a `Blob` it may be reading well: the message is dropped. */
  #givesUp(): boolean {
    const { sendQueuePolicy } = this.#settings;
    return sendQueuePolicy === "terminate" || (sendQueuePolicy === "latest" && this.#backlog === undefined);
  }

  /** The policy drops messages that wait already. */
  #keepsApart(): boolean {
    const { sendQueuePolicy } = this.#settings;
    return sendQueuePolicy === "drop-oldest" || sendQueuePolicy === "latest";
  }

  /** A message that comes now waits one by one. */
  #waitsSingly(): boolean {
    return (this.full || this.#queue !== undefined) && this.#keepsApart();
  }

  #enqueue(kind: Queued["kind"], bytes: Bytes, key: string | undefined): void {
    const queue = (this.#queue ??= new SendQueue());
    if (queue.add(kind, bytes, key)) this.#dropped++;
    this.#accountQueue(queue);
  }

  /** Hands over what waits singly, as far as the stream takes it. */
  #feed(): void {
    const queue = this.#queue;
    if (queue === undefined) return;
    while (!this.full && queue.count > 0) {
      this.#hand(queue.take()!);
      if (this.leastSize > TRY_AT) this.flush();
    }
    this.flush();
    this.#accountQueue(queue);
  }

  /** Hands over all that waits singly: nothing can be dropped behind it. */
  #handAll(): void {
    const queue = this.#queue;
    if (queue === undefined) return;
    while (queue.count > 0) this.#hand(queue.take()!);
    this.#accountQueue(queue);
  }

  #hand({ kind, bytes, size }: Queued): void {
    if (bytes.length !== size) this.break(memoryChanged());
    else if (kind === "frame") this.shared(bytes);
    else this.message(kind === "text" ? Opcode.text : Opcode.binary, bytes);
  }

  #accountQueue(queue: SendQueue): void {
    if (queue.count === 0) this.#queue = undefined;
    this.account();
  }

  #dropQueue(): void {
    const queue = this.#queue;
    if (queue === undefined) return;
    this.#dropped += queue.dropTo(-1);
    this.#accountQueue(queue);
  }

  #dropBacklog(): void {
    this.#dropped += this.#backlog?.drop() ?? 0;
    this.#backlog = undefined;
  }
}
