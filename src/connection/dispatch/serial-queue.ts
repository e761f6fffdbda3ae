import { copyOf } from "../../protocol/bytes.ts";
import { Fifo } from "../../util/fifo.ts";
import { PendingMessage } from "../receiving/compressed-message.ts";
import { inNextTurn } from "../transport/turn.ts";

/** Something to be run, among items that wait to be delivered. */
class Task {
  readonly run: () => void;

  constructor(run: () => void) {
    this.run = run;
  }
}

/** A callback that is awaited while other calls wait. */
export interface BusyCallback {
  /** Its name. */
  readonly name: string;
  /** The number of its promise, among all that its connection has waited for. */
  readonly number: number;
  /** How many calls wait for it. */
  readonly waiting: number;
}

/**
 * Runs tasks one after the other. After a task that returns a promise, the next ones wait until it settles. As long as no task
 * does, no promise is involved. This is 4D's worker: the callbacks of a connection never overlap,
 * except after `stopWaiting`.
 */
export class SerialQueue {
  readonly #onEmpty: () => void;
  readonly #deliver: (item: unknown) => void;
  readonly #mayDeliver: () => boolean;
  #isWaiting = false;
  /** What is awaited is the next turn, not a promise. */
  #waitsForTurn = false;
  #waitsNoMore = false;
  #waitedOnlyForTurns = true;
  #running = false;
  /** A call of `onDrain` is queued. */
  hasDrain = false;
  /** Tasks, and items that wait to be delivered. A closure for each item would take more memory than a short message. */
  #waiting: Fifo<unknown> | undefined;
  /** The bytes of the items that wait. */
  #bytes = 0;
  /** The number of the promise that is awaited. Promises with other numbers are ignored. */
  #awaited = 0;
  /** The bytes of a message that is decompressed while the queue waits. */
  decodingBytes = 0;
  /** Settles when that message has been delivered; undefined: there is none. */
  decoding: Promise<void> | undefined;
  /** The callback whose promise it is. */
  #callback: string | undefined;

  /**
   * @param onEmpty is called whenever the queue has become empty
   * @param deliver is called for each item, when its turn comes
   * @param mayDeliver is called before each item. If it returns false, it has made the queue wait, and is called again then
   */
  constructor(onEmpty: () => void, deliver: (item: unknown) => void = nothing, mayDeliver: () => boolean = always) {
    this.#onEmpty = onEmpty;
    this.#deliver = deliver;
    this.#mayDeliver = mayDeliver;
  }

  /** Whether a promise or a turn is awaited. */
  get isWaiting(): boolean {
    return this.#isWaiting;
  }

  /** Whether new tasks and items must be added to the queue: it waits, or what is queued is being run. */
  get isBusy(): boolean {
    return this.#isWaiting || this.#running;
  }

  /** Whether only the next turn is awaited. */
  get waitsForTurn(): boolean {
    return this.#isWaiting && this.#waitsForTurn;
  }

  /** Whether nothing but turns was ever awaited. Most such queues are needed once. */
  get waitedOnlyForTurns(): boolean {
    return this.#waitedOnlyForTurns;
  }

  /** Whether no promise is awaited any more. */
  get waitsNoMore(): boolean {
    return this.#waitsNoMore;
  }

  /** The callback that is awaited while other calls wait for it; undefined: there is none. */
  get busyCallback(): BusyCallback | undefined {
    const name = this.#callback;
    if (!this.#isWaiting || name === undefined || this.length === 0) return undefined;
    return { name, number: this.#awaited, waiting: this.length };
  }

  /** The bytes that the waiting messages take, roughly. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether an item may be delivered now. If not, the queue waits until it may. */
  mayDeliver(): boolean {
    return this.#waitsNoMore || this.#mayDeliver();
  }

  /** How many tasks are deferred. */
  get length(): number {
    return this.#waiting === undefined ? 0 : this.#waiting.length;
  }

  /**
   * Makes the queue wait until `promise` settles. `failed` is called with its rejection before anything else runs. If that waits
   * for another promise, the queue waits for it too.
   *
   * @param callback the name of the callback that has returned the promise
   */
  waitFor(promise: PromiseLike<unknown>, failed: (error: unknown) => void = nothing, callback?: string): void {
    this.#isWaiting = !this.#waitsNoMore;
    this.#waitsForTurn = this.#waitedOnlyForTurns = false;
    this.#callback = callback;
    const number = ++this.#awaited;
    let over = false;
    const settle = (rejected: boolean, error?: unknown): void => {
      // A thenable of the user's may settle twice.
      if (over) return;
      over = true;
      try {
        if (rejected) failed(error);
      } finally {
        this.#endWait(number);
      }
    };
    const reject = (error: unknown): void => settle(true, error);
    try {
      Promise.resolve(promise).then(() => settle(false), reject);
    } catch (error) {
      // Even a native promise may have its own `then`, which throws.
      queueMicrotask(() => reject(error));
    }
  }

  /** Makes the queue wait until the next turn of the event loop. */
  waitForTurn(): void {
    this.#isWaiting = this.#waitsForTurn = !this.#waitsNoMore;
    this.#callback = undefined;
    const number = ++this.#awaited;
    inNextTurn(() => this.#endWait(number));
  }

  /** Adds a task. It runs when everything before it has settled. */
  addTask(task: () => void): void {
    this.addItem(new Task(task));
  }

  /** Adds an item. It is delivered when everything before it has settled. */
  addItem(item: unknown): void {
    (this.#waiting ??= new Fifo()).push(item);
    this.#bytes += sizeOf(item);
  }

  /** Runs what is queued, until a promise is awaited. */
  runNext(): void {
    if (this.#isWaiting || this.#running) return;
    this.#running = true;
    try {
      while (!this.isWaiting && this.#waiting !== undefined && this.#waiting.length > 0) {
        const next = this.#waiting.first;
        if (!(next instanceof Task) && !this.mayDeliver()) break;
        this.#waiting.shift();
        // Memory that was transferred meanwhile has no size any more.
        this.#bytes = this.#waiting.length === 0 ? 0 : this.#bytes - sizeOf(next);
        if (next instanceof Task) next.run();
        else this.#deliver(next);
      }
    } finally {
      this.#running = false;
    }
    if (!this.isWaiting) this.#onEmpty();
  }

  /** From now on no promise is awaited, and no turn: the next call of `runNext` runs all that is queued. */
  stopWaiting(): void {
    this.#waitsNoMore = true;
    this.#waitedOnlyForTurns = false;
    this.#awaited++;
    this.#isWaiting = false;
  }

  /** What was awaited is there, unless it is awaited no more. */
  #endWait(number: number): void {
    if (number !== this.#awaited) return;
    this.#isWaiting = false;
    this.decodingBytes = 0;
    this.decoding = undefined;
    this.runNext();
  }
}

/** The memory that a waiting message takes besides its bytes. */
const ITEM_BYTES = 64;

/** A message to wait for long: a short view would keep the memory of a whole read, 64 KiB, which nobody counts. */
export function withOwnMemory(message: unknown): unknown {
  const isShortView = message instanceof Uint8Array && 2 * message.length < message.buffer.byteLength;
  return isShortView ? copyOf(message) : message;
}

function sizeOf(item: unknown): number {
  if (typeof item === "string") return ITEM_BYTES + item.length;
  if (item instanceof PendingMessage) return ITEM_BYTES + item.length;
  return item instanceof Uint8Array ? ITEM_BYTES + item.byteLength : 0;
}

function always(): boolean {
  return true;
}

function nothing(): void {
  // A delay of our own cannot fail.
}
