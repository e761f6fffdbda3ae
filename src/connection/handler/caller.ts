import { type Culprit, DRAIN_EVENT, OPEN_EVENT, type TerminateEvent, errorEvent } from "./events.ts";
import { SerialQueue, isThenable } from "./serial.ts";
import { forgetText } from "../sending/text.ts";

/** What is called on a connection handler, as its methods: `(face, event)`. Whatever they return may be a promise. */
export interface Callbacks {
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
export interface CallerHost {
  /** The user's object for this connection: each callback's first argument. */
  readonly face: unknown;
  /** `onOpen` or `onMessage` threw, or its promise was rejected. */
  handlerFailed(): void;
  /** An error that the handler cannot be told: it has no `onError`, or was told one before, or `onError` itself threw. */
  report(error: unknown, culprit: Culprit): void;
  /** Every callback has settled, after some that had to wait. */
  settled(): void;
  /** Whether a message may be delivered now; where not, settles when that may be asked again. */
  rest(): PromiseLike<void> | undefined;
}

/**
 * Calls one connection's handler, in order and never twice at a time: `onOpen`, `onMessage`*, at most one `onError`,
 * `onTerminate`. A callback that returns a promise holds back the next; one that does not meets no promise.
 */
export class Caller {
  /** Nothing is ever written on it: it may serve several connections. */
  readonly handler: Callbacks;
  readonly #host: CallerHost;
  #serial: SerialQueue | undefined;
  /** A callback is on the stack. What it causes, by `send` or `terminate`, is told when it has returned. */
  #calling = false;
  /** `onError` is not called any more: it was, or `onTerminate` was. */
  #errorTold = false;
  #deaf = false;
  #drainDue = false;
  #forced = false;

  constructor(handler: Callbacks, host: CallerHost) {
    this.handler = handler;
    this.#host = host;
  }

  /** True while a callback runs or its promise is awaited. */
  get held(): boolean {
    return this.#calling || (this.#serial !== undefined && this.#serial.held);
  }

  /** How many calls wait for one that has not settled. */
  get waiting(): number {
    return this.#serial === undefined ? 0 : this.#serial.waiting;
  }

  /** Runs `task` when every callback before it has settled: now, if none is awaited. */
  inOrder(task: () => void): void {
    if (this.held) this.#queue.defer(task);
    else task();
  }

  /** Delivers no message any more, not even those that wait. */
  deafen(): void {
    this.#deaf = true;
  }

  /** Waits for no promise any more: what is held back is called at once, or when the callback on the stack returns. */
  force(): void {
    this.#forced = true;
    if (!this.#calling) this.#serial?.force();
  }

  /** Calls `onOpen`. */
  open(): void {
    this.#call(() => {
      if (typeof this.handler.onOpen === "function") return this.handler.onOpen(this.#host.face, OPEN_EVENT);
      return undefined;
    });
  }

  /** Calls `onMessage`, now or when its turn comes. */
  message(data: unknown): void {
    if (!this.held) {
      const rest = this.#host.rest();
      if (rest === undefined) {
        this.#deliver(data);
        return;
      }
      this.#queue.hold(rest);
    }
    this.#queue.deferItem(data);
  }

  /** Calls `onDrain`, now or when its turn comes: once, however often there was room meanwhile. */
  drain(): void {
    if (this.#drainDue) return;
    this.#drainDue = true;
    this.inOrder(() => {
      this.#drainDue = false;
      if (this.#deaf) return;
      this.#call(() => {
        if (typeof this.handler.onDrain === "function") return this.handler.onDrain(this.#host.face, DRAIN_EVENT);
        return undefined;
      });
    });
  }

  /** Calls `onError` in its order, if it has not been called yet. */
  error(error: Error): void {
    this.inOrder(() => {
      this.#tell(error, "library");
    });
  }

  /** Calls `onTerminate` in its order: the last call. `then` follows when it has settled. */
  terminate(event: TerminateEvent, then: () => void): void {
    this.inOrder(() => {
      this.#errorTold = true;
      this.#guarded(() => this.handler.onTerminate?.(this.#host.face, event));
      this.inOrder(then);
    });
  }

  get #queue(): SerialQueue {
    return (this.#serial ??= new SerialQueue(
      () => this.#host.settled(),
      (data) => this.#deliver(data),
      () => this.#host.rest(),
    ));
  }

  #deliver(data: unknown): void {
    if (this.#deaf) return;
    // What is sent from here on answers this message.
    forgetText();
    this.#calling = true;
    try {
      const result = this.handler.onMessage(this.#host.face, { type: "message", data });
      if (result !== undefined) this.#await(result, true);
    } catch (error) {
      this.#threw(error);
    } finally {
      this.#returned();
    }
  }

  /** A callback whose exception closes the connection. Messages have their own, with no closure. */
  #call(callback: () => unknown): void {
    this.#calling = true;
    try {
      this.#await(callback(), true);
    } catch (error) {
      this.#threw(error);
    } finally {
      this.#returned();
    }
  }

  /** A callback is off the stack: what it caused follows, if its promise need not be awaited. */
  #returned(): void {
    this.#calling = false;
    if (this.#forced) this.#serial?.force();
    else this.#serial?.goOn();
  }

  /** Tells the handler of an error: once. */
  #tell(error: unknown, culprit: Culprit): void {
    if (this.#errorTold || !this.#hearsErrors()) {
      this.#host.report(error, culprit);
      return;
    }
    this.#errorTold = true;
    this.#guarded(() => this.handler.onError?.(this.#host.face, errorEvent(error, culprit)));
  }

  /** A handler in JavaScript may say `onError: null`, and a proxy may throw when it is asked. */
  #hearsErrors(): boolean {
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
      this.#host.report(error, "handler");
    } finally {
      this.#returned();
    }
  }

  #threw(error: unknown): void {
    this.#calling = false;
    this.#deaf = true;
    this.#tell(error, "handler");
    this.#host.handlerFailed();
  }

  /** Holds back what follows if `result` is a promise. `fatal`: its rejection closes the connection. */
  #await(result: unknown, fatal: boolean): void {
    if (!isThenable(result)) return;
    this.#queue.hold(result, (error) => {
      if (fatal) this.#threw(error);
      else this.#host.report(error, "handler");
    });
  }
}
