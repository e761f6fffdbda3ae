import type { WSTerminateEvent } from "../connection/dispatch/events.ts";
import { HawserError, InvalidArgumentError } from "../errors/errors.ts";
import { deferred } from "../util/deferred.ts";
import { Fifo } from "../util/fifo.ts";

/** Close codes after which an iteration ends without an error. */
const ORDERLY: readonly number[] = [1000, 1001, 1005];

/** Bytes, or characters, of messages that may be kept of connections that have ended. Otherwise a server that closes again and again fills the memory. */
const MAX_KEPT = 16 * 1024 * 1024;

/** A kept message counts as at least this. */
const MIN_SIZE = 64;

/** What a caller of `next` waits for. */
interface Waiting {
  resolve(result: IteratorResult<unknown, undefined>): void;
  reject(error: unknown): void;
}

/** The messages of a client whose handler has no `onMessage`, one by one. Reading pauses while nobody asks for the next one. */
export class MessageIterator {
  /** A message that nobody has asked for, and who waits until it is taken: what a connection reads ahead, and what those before had read. */
  readonly #messages = new Fifo<{ readonly data: unknown; readonly taken: () => void }>();
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
      waiting.resolve({ done: false, value: data });
      return undefined;
    }
    if (this.#end !== undefined) return undefined;
    if (this.#kept > MAX_KEPT) throw new HawserError("HWS_RECEIVE_QUEUE_FULL", "nobody takes the messages");
    const { promise, resolve } = deferred();
    this.#messages.push({ data, taken: resolve });
    return this.#isReleased ? undefined : promise;
  }

  /** A connection is open: reading waits until its messages are taken. */
  hold(): void {
    this.#isReleased = false;
  }

  /** The connection has ended: its last callback does not wait until its messages are taken. They are kept. */
  release(): void {
    this.#isReleased = true;
    this.#kept = 0;
    for (const { data, taken } of this.#messages) {
      this.#kept += Math.max(MIN_SIZE, sizeOf(data));
      taken();
    }
  }

  /** The next message. */
  next(): Promise<IteratorResult<unknown, undefined>> {
    this.#isUsed = true;
    const message = this.#messages.shift();
    if (message !== undefined) {
      this.#kept = 0;
      message.taken();
      return Promise.resolve({ done: false, value: message.data });
    }
    if (this.#end !== undefined) return this.#finish(this.#end.error);
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /** The client has ended. */
  end({ code, initiator }: WSTerminateEvent, error: unknown): void {
    const isOrderly = error === undefined && (initiator === "local" || ORDERLY.includes(code));
    this.#end = { error: isOrderly ? undefined : (error ?? new HawserError("HWS_CLOSED", String(code))) };
    for (let one = this.#waiting.shift(); one !== undefined; one = this.#waiting.shift())
      this.#finish(this.#end.error).then(
        (result) => one.resolve(result),
        (reason: unknown) => one.reject(reason),
      );
  }

  /** Nobody wants the rest: reading goes on. */
  drop(): void {
    for (let one = this.#messages.shift(); one !== undefined; one = this.#messages.shift()) one.taken();
    this.#end ??= { error: undefined };
  }

  /** An error is thrown once. */
  #finish(error: unknown): Promise<IteratorResult<unknown, undefined>> {
    this.#end = { error: undefined };
    return error === undefined
      ? Promise.resolve({ done: true, value: undefined })
      : Promise.reject(
          error instanceof Error ? error : new Error("A callback threw a value that is no Error", { cause: error }),
        );
  }
}

function sizeOf(data: unknown): number {
  if (typeof data === "string") return data.length;
  return data instanceof Uint8Array ? data.length : 0;
}
