import { holds } from "../engine/target.ts";

/** The callbacks of a connection handler. */
export type Callback = "open" | "message" | "drain" | "error" | "terminate";

/** What a callback does when it is called; its result is what the library gets. */
export type Behaviour = (callback: Callback) => unknown;

/** In which order a handler may be called: `onError` once at most, `onTerminate` once and last. */
const ORDER = /^(?:open (?:(?:message|drain) )*(?:error )?(?:terminate )?)?$/;

/** An event as a handler may get it, of any kind. */
interface AnyEvent {
  readonly type?: unknown;
  readonly data?: unknown;
  readonly code?: unknown;
  readonly reason?: unknown;
  readonly errors?: unknown;
}

/** A connection handler that does what it is told and holds its callers to what they promise. */
export class FuzzHandler<Face = unknown> {
  /** The user's object for the connection, as `onOpen` gets it. */
  ws: Face | undefined;
  /** The callbacks that were called, oldest first. */
  readonly calls: Callback[] = [];
  /** The data of all messages. */
  readonly data: unknown[] = [];
  /** The `errCode` of all errors. */
  readonly errors: unknown[] = [];
  /** What each callback does. */
  behave: Behaviour = () => undefined;
  /** Nobody waits for a promise any more: it was said that everything ends now. */
  forced = false;
  /** We have said goodbye: no message may come any more. */
  deaf = false;
  /** What was broken; told at the end, for an exception here is one of a handler's to the library. */
  readonly broken: unknown[] = [];
  /** How many promises were awaited so far; undefined while none is. */
  waiting: number | undefined;
  #waits = 0;
  #onStack: Callback | undefined;
  #awaited: Callback | undefined;

  /** Whether the last callback was called. */
  get over(): boolean {
    return this.calls.at(-1) === "terminate";
  }

  onOpen(ws: Face, event: AnyEvent): unknown {
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
      holds(ws.status === "Closed", "a connection has another status than Closed in onTerminate", ws.status);
    });
    return this.#called("terminate", event);
  }

  #called(callback: Callback, event: AnyEvent): unknown {
    this.calls.push(callback);
    this.#check(() => {
      holds(ORDER.test(`${this.calls.join(" ")} `), "callbacks come in another order", this.calls);
      holds(!(this.deaf && callback === "message"), "a message is delivered behind our own goodbye");
      holds(this.#onStack === undefined, "a callback is called inside another", [this.#onStack, callback]);
      holds(this.#awaited === undefined || this.forced, "a callback is called while a promise is awaited", this.calls);
      holds(event.type === callback, "an event has the type of another", [event.type, callback]);
    });
    this.#onStack = callback;
    try {
      const result = this.behave(callback);
      if (result instanceof Promise) this.#await(callback, result);
      return result;
    } finally {
      this.#onStack = undefined;
    }
  }

  #await(callback: Callback, promise: Promise<unknown>): void {
    this.#awaited = callback;
    this.waiting = ++this.#waits;
    const settle = (): void => {
      this.#awaited = this.waiting = undefined;
    };
    // Asked for before the library asks: when it goes on, this is over.
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
