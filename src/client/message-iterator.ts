import type { WSTerminateEvent } from "../connection/dispatch/events.ts";
import { HawserError, InvalidArgumentError } from "../errors/errors.ts";
import { deferred } from "../util/deferred.ts";
import { Fifo } from "../util/fifo.ts";

/** Close codes after which an iteration ends without an error. */
const ORDERLY: readonly number[] = [1000, 1001, 1005];

/** Bytes of messages that may be kept of connections that have ended. Otherwise a server that closes again and again fills the memory. */
const MAX_KEPT = 16 * 1024 * 1024;

/** A message, and each name and value in it, counts as this and the length of its text. */
const VALUE_SIZE = 16;

/** A message that nobody has asked for. */
interface Kept {
  readonly data: unknown;
  /** Whoever waits until it is taken. */
  readonly taken: () => void;
  /** What it counts; 0: its connection is there. */
  size: number;
}

/** Settles what `next` has returned. */
type Waiting = (result: Result | Promise<Result>) => void;

type Result = IteratorResult<unknown, undefined>;

/** The messages of a client whose handler has no `onMessage`, one by one. Reading pauses while nobody asks for the next one. */
export class MessageIterator {
  /** What a connection reads ahead, and what those before had read. */
  readonly #messages = new Fifo<Kept>();
  readonly #waiting = new Fifo<Waiting>();
  #end: { readonly error: unknown } | undefined;
  #isUsed = false;
  #isTaken = false;
  /** The size of what is kept of connections that have ended. */
  #kept = 0;
  /** The connection has ended: what it had read is kept here, and nothing waits for it. */
  #isReleased = false;

  /** Whether somebody iterates: then he is told of an error. */
  get isUsed(): boolean {
    return this.#isUsed;
  }

  /**
   * One loop takes the messages.
   *
   * @throws {InvalidArgumentError} if another one does: each would get a part of them
   */
  take(): void {
    if (this.#isTaken) throw new InvalidArgumentError("The messages are iterated already: one loop at a time");
    this.#isTaken = true;
  }

  /** A message has come. Settles when it was taken. */
  push(data: unknown): unknown {
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) {
      waiting({ done: false, value: data });
      return undefined;
    }
    if (this.#end !== undefined) return undefined;
    if (this.#kept > MAX_KEPT) throw new HawserError("HWS_RECEIVE_QUEUE_FULL", "nobody takes the messages");
    const { promise, resolve } = deferred();
    const message = { data, taken: resolve, size: 0 };
    this.#messages.push(message);
    if (!this.#isReleased) return promise;
    this.#keep(message);
    return undefined;
  }

  /** A connection is open: reading waits until its messages are taken. */
  hold(): void {
    this.#isReleased = false;
  }

  /** The connection has ended: its last callback does not wait until its messages are taken. They are kept. */
  release(): void {
    this.#isReleased = true;
    for (const message of this.#messages) this.#keep(message);
  }

  #keep(message: Kept): void {
    if (message.size > 0) return;
    this.#kept += message.size = sizeOf(message.data);
    message.taken();
  }

  /** The next message. */
  next(): Promise<Result> {
    this.#isUsed = true;
    const message = this.#messages.shift();
    if (message !== undefined) {
      this.#kept -= message.size;
      message.taken();
      return Promise.resolve({ done: false, value: message.data });
    }
    if (this.#end !== undefined) return this.#finish(this.#end.error);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The client has ended. */
  end({ code, reason, initiator }: WSTerminateEvent, error: unknown): void {
    const isOrderly = error === undefined && (initiator === "local" || ORDERLY.includes(code));
    // Whoever has left the loop is told of nothing any more.
    this.#end ??= { error: isOrderly ? undefined : (error ?? closedWith(code, reason)) };
    for (let one = this.#waiting.shift(); one !== undefined; one = this.#waiting.shift())
      one(this.#finish(this.#end.error));
  }

  /** Nobody wants the rest: reading goes on. */
  drop(): void {
    for (let one = this.#messages.shift(); one !== undefined; one = this.#messages.shift()) one.taken();
    this.#end ??= { error: undefined };
  }

  /** An error is thrown once. */
  #finish(error: unknown): Promise<Result> {
    this.#end = { error: undefined };
    return error === undefined
      ? Promise.resolve({ done: true, value: undefined })
      : Promise.reject(
          error instanceof Error ? error : new Error("A callback threw a value that is no Error", { cause: error }),
        );
  }
}

/** About the bytes of a message in memory. Its JSON may be nested deeply. */
function sizeOf(data: unknown): number {
  let size = 0;
  for (let level = [data]; level.length > 0;) {
    size += level.length * VALUE_SIZE;
    level = level.flatMap((one) => {
      const isFlat = typeof one === "string" || one instanceof Uint8Array;
      if (isFlat) size += one.length;
      return isFlat ? [] : (Object.entries(Object(one) as object).flat() as unknown[]);
    });
  }
  return size;
}

function closedWith(code: number, reason: string | undefined): HawserError {
  return new HawserError(
    "HWS_CLOSED",
    reason === undefined || reason === "" ? String(code) : `${String(code)}, ${reason}`,
  );
}
