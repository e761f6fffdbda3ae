import { type ErrorSource, DRAIN_EVENT, OPEN_EVENT, type WSTerminateEvent, errorEvent } from "./events.ts";
import { isThenable } from "../../util/thenable.ts";
import { SerialQueue } from "./serial-queue.ts";
import { forgetText } from "../sending/text-frames.ts";

/** What is called on a connection handler, as its methods: `(face, event)`. Whatever they return may be a promise. */
export interface HandlerCallbacks {
  /** The connection is open. */
  onOpen?(face: unknown, event: object): unknown;
  /** A message came. */
  onMessage(face: unknown, event: object): unknown;
  /** There is room again, after `send` said that there is none. */
  onDrain?(face: unknown, event: object): unknown;
  /** Something failed. */
  onError?(face: unknown, event: object): unknown;
  /** The connection is closed. */
  onTerminate?(face: unknown, event: object): unknown;
}

/** What the caller tells its connection. */
export interface DispatcherHost {
  /** The user's object for this connection: each callback's first argument. */
  readonly publicConnection: unknown;
  /** `onOpen` or `onMessage` threw, or its promise was rejected. */
  onHandlerFailed(): void;
  /** An error that the handler cannot be told: it has no `onError`, or was told one before, or `onError` itself threw. */
  reportError(error: unknown, culprit: ErrorSource): void;
  /** Every callback has settled, after some that had to wait. */
  onHandlerIdle(): void;
  /** Whether a message may be delivered now; where not, settles when that may be asked again. */
  rateDelay(): PromiseLike<void> | undefined;
}

/**
 * Calls one connection's handler, in order and never twice at a time: `onOpen`, `onMessage`*, at most one `onError`,
 * `onTerminate`. A callback that returns a promise holds back the next; one that does not meets no promise.
 */
export class HandlerDispatcher {
  /** Nothing is ever written on it: it may serve several connections. */
  readonly handler: HandlerCallbacks;
  readonly #host: DispatcherHost;
  #serialQueue: SerialQueue | undefined;
  /** A callback is on the stack. What it causes, by `send` or `terminate`, is told when it has returned. */
  #calling = false;
  /** `onError` is not called any more: it was, or `onTerminate` was. */
  #errorReported = false;
  #deliveryStopped = false;
  #drainDue = false;
  #waitsNoMore = false;

  constructor(handler: HandlerCallbacks, host: DispatcherHost) {
    this.handler = handler;
    this.#host = host;
  }

  /** True while a callback runs or its promise is awaited. */
  get isBusy(): boolean {
    return this.#calling || (this.#serialQueue !== undefined && this.#serialQueue.isWaiting);
  }

  /** How many calls wait for one that has not settled. */
  get queuedCount(): number {
    return this.#serialQueue === undefined ? 0 : this.#serialQueue.length;
  }

  /** Runs `task` when every callback before it has settled: now, if none is awaited. */
  runInOrder(task: () => void): void {
    if (this.isBusy) this.#queue.addTask(task);
    else task();
  }

  /** Delivers no message any more, not even those that wait. */
  stopDelivery(): void {
    this.#deliveryStopped = true;
  }

  /** Waits for no promise any more: what is held back is called at once, or when the callback on the stack returns. */
  stopWaiting(): void {
    this.#waitsNoMore = true;
    if (!this.#calling) this.#serialQueue?.stopWaiting();
  }

  /** Calls `onOpen`. */
  dispatchOpen(): void {
    this.#call(() => {
      if (typeof this.handler.onOpen === "function")
        return this.handler.onOpen(this.#host.publicConnection, OPEN_EVENT);
      return undefined;
    });
  }

  /** Calls `onMessage`, now or when its turn comes. */
  dispatchMessage(data: unknown): void {
    if (!this.isBusy) {
      const rest = this.#host.rateDelay();
      if (rest === undefined) {
        this.#deliver(data);
        return;
      }
      this.#queue.waitFor(rest);
    }
    this.#queue.addItem(data);
  }

  /** Calls `onDrain`, now or when its turn comes: once, however often there was room meanwhile. */
  dispatchDrain(): void {
    if (this.#drainDue) return;
    this.#drainDue = true;
    this.runInOrder(() => {
      this.#drainDue = false;
      if (this.#deliveryStopped) return;
      this.#call(() => {
        if (typeof this.handler.onDrain === "function")
          return this.handler.onDrain(this.#host.publicConnection, DRAIN_EVENT);
        return undefined;
      });
    });
  }

  /** Calls `onError` in its order, if it has not been called yet. */
  dispatchError(error: Error): void {
    this.runInOrder(() => {
      this.#callOnError(error, "library");
    });
  }

  /** Calls `onTerminate` in its order: the last call. `then` follows when it has settled. */
  dispatchTerminate(event: WSTerminateEvent, then: () => void): void {
    this.runInOrder(() => {
      this.#errorReported = true;
      this.#guarded(() => this.handler.onTerminate?.(this.#host.publicConnection, event));
      this.runInOrder(then);
    });
  }

  get #queue(): SerialQueue {
    return (this.#serialQueue ??= new SerialQueue(
      () => this.#host.onHandlerIdle(),
      (data) => this.#deliver(data),
      () => this.#host.rateDelay(),
    ));
  }

  #deliver(data: unknown): void {
    if (this.#deliveryStopped) return;
    // What is sent from here on answers this message.
    forgetText();
    this.#calling = true;
    try {
      const result = this.handler.onMessage(this.#host.publicConnection, { type: "message", data });
      if (result !== undefined) this.#await(result, true);
    } catch (error) {
      this.#onCallbackFailed(error);
    } finally {
      this.#onCallbackReturned();
    }
  }

  /** A callback whose exception closes the connection. Messages have their own, with no closure. */
  #call(callback: () => unknown): void {
    this.#calling = true;
    try {
      this.#await(callback(), true);
    } catch (error) {
      this.#onCallbackFailed(error);
    } finally {
      this.#onCallbackReturned();
    }
  }

  /** A callback is off the stack: what it caused follows, if its promise need not be awaited. */
  #onCallbackReturned(): void {
    this.#calling = false;
    if (this.#waitsNoMore) this.#serialQueue?.stopWaiting();
    else this.#serialQueue?.runNext();
  }

  /** Tells the handler of an error: once. */
  #callOnError(error: unknown, culprit: ErrorSource): void {
    if (this.#errorReported || !this.#handlesErrors()) {
      this.#host.reportError(error, culprit);
      return;
    }
    this.#errorReported = true;
    this.#guarded(() => this.handler.onError?.(this.#host.publicConnection, errorEvent(error, culprit)));
  }

  /** A handler in JavaScript may say `onError: null`, and a proxy may throw when it is asked. */
  #handlesErrors(): boolean {
    try {
      return typeof this.handler.onError === "function";
    } catch {
      return false;
    }
  }

  /** A callback whose exception closes nothing: the connection is over, or about to be. */
  #guarded(callback: () => unknown): void {
    this.#calling = true;
    try {
      this.#await(callback(), false);
    } catch (error) {
      this.#host.reportError(error, "handler");
    } finally {
      this.#onCallbackReturned();
    }
  }

  #onCallbackFailed(error: unknown): void {
    this.#calling = false;
    this.#deliveryStopped = true;
    this.#callOnError(error, "handler");
    this.#host.onHandlerFailed();
  }

  /** Holds back what follows if `result` is a promise. `fatal`: its rejection closes the connection. */
  #await(result: unknown, fatal: boolean): void {
    if (!isThenable(result)) return;
    this.#queue.waitFor(result, (error) => {
      if (fatal) this.#onCallbackFailed(error);
      else this.#host.reportError(error, "handler");
    });
  }
}
