import { holds } from "../engine/target.ts";

/** The callbacks of a connection handler. */
export type Callback = "open" | "message" | "drain" | "error" | "terminate";

/** What a callback does when it is called. The library gets its result. */
export type Behaviour = (callback: Callback) => unknown;

/** The order in which callbacks may be called: `onError` at most once, `onTerminate` once and last. */
const ORDER = /^(?:open (?:(?:message|drain) )*(?:error )?(?:terminate )?)?$/;

/** Any event that a handler may get. */
interface AnyEvent {
  readonly type?: unknown;
  readonly data?: unknown;
  readonly code?: unknown;
  readonly reason?: unknown;
  readonly errors?: unknown;
}

/** A connection handler with a chosen behaviour. It checks that the library calls it as documented. */
export class FuzzHandler<Connection = unknown> {
  /** The connection object that `onOpen` gets. */
  ws: Connection | undefined;
  /** The callbacks that were called, oldest first. */
  readonly calls: Callback[] = [];
  /** The data of all messages. */
  readonly data: unknown[] = [];
  /** The `errCode` of each error. */
  readonly errors: unknown[] = [];
  /** What each callback does. */
  behave: Behaviour = () => undefined;
  /** The server was terminated: callbacks may be called while a promise is pending. */
  serverTerminated = false;
  /** We have closed the connection: no message may be delivered any more. */
  closedByUs = false;
  /** The invariants that did not hold. They are reported at the end: the library would take an exception here for one of the application. */
  readonly broken: unknown[] = [];
  /** The number of the promise that the library waits for; undefined if there is none. */
  waiting: number | undefined;
  #promises = 0;
  #running: Callback | undefined;
  #awaited: Callback | undefined;

  /** Whether `onTerminate` was called. */
  get ended(): boolean {
    return this.calls.at(-1) === "terminate";
  }

  onOpen(ws: Connection, event: AnyEvent): unknown {
    this.ws = ws;
    return this.#called("open", event);
  }

  onMessage(_ws: unknown, event: AnyEvent): unknown {
    this.data.push(Buffer.isBuffer(event.data) ? Buffer.from(event.data) : event.data);
    return this.#called("message", event);
  }

  onDrain(_ws: unknown, event: AnyEvent): unknown {
    return this.#called("drain", event);
  }

  onError(_ws: unknown, event: AnyEvent): unknown {
    const { errors } = event;
    this.#check(() => {
      holds(Array.isArray(errors) && errors.length > 0, "onError is called without an error");
    });
    this.errors.push((errors as readonly { errCode?: unknown }[])[0]?.errCode);
    return this.#called("error", event);
  }

  onTerminate(ws: { readonly status?: unknown }, event: AnyEvent): unknown {
    this.#check(() => {
      holds(typeof event.code === "number", "onTerminate is called without a code", event.code);
      holds(ws.status === "Closed", "a connection does not have the status Closed in onTerminate", ws.status);
    });
    return this.#called("terminate", event);
  }

  #called(callback: Callback, event: AnyEvent): unknown {
    this.calls.push(callback);
    this.#check(() => {
      holds(ORDER.test(`${this.calls.join(" ")} `), "callbacks are called in a wrong order", this.calls);
      holds(!(this.closedByUs && callback === "message"), "a message is delivered after we closed the connection");
      holds(this.#running === undefined, "a callback is called inside another", [this.#running, callback]);
      holds(
        this.#awaited === undefined || this.serverTerminated,
        "a callback is called while a promise is awaited",
        this.calls,
      );
      holds(event.type === callback, "an event has a wrong type", [event.type, callback]);
    });
    this.#running = callback;
    try {
      const result = this.behave(callback);
      if (result instanceof Promise) this.#await(callback, result);
      return result;
    } finally {
      this.#running = undefined;
    }
  }

  #await(callback: Callback, promise: Promise<unknown>): void {
    this.#awaited = callback;
    this.waiting = ++this.#promises;
    const settle = (): void => {
      this.#awaited = this.waiting = undefined;
    };
    // Registered before the library's own reaction, so `settle` runs first.
    promise.then(settle, settle);
  }

  #check(check: () => void): void {
    try {
      check();
    } catch (error) {
      this.broken.push(error);
    }
  }
}
