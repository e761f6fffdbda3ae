import type { TerminateOptions } from "../connection/close-arguments.ts";
import type { MessageCounters } from "../connection/counters/message-counters.ts";
import type { WSTerminateEvent } from "../connection/dispatch/events.ts";
import type { DataType } from "../connection/receiving/decode.ts";
import type { SendOptions } from "../connection/sending/message-options.ts";
import type { Message, MessageOf } from "../connection/sending/outgoing-message.ts";
import { HawserError, InvalidArgumentError } from "../errors/errors.ts";
import { ClientCallbacks } from "./client-callbacks.ts";
import { readClientCode, readReason } from "./close-code.ts";
import type { ClientHandler, ReceivedFrom, TakenBy } from "./handler.ts";
import { MessageIterator } from "./message-iterator.ts";
import type { ClientPlatform } from "./platform.ts";
import type { ClientStatus } from "./lifecycle.ts";
import { Session } from "./session.ts";
import type { ClientSettings } from "./settings.ts";

/** What a platform makes of the arguments of a client. */
export interface ClientSetup {
  /** The checked options. */
  readonly settings: ClientSettings;
  /** The type of `event.data`. */
  readonly dataType: DataType;
  /** Node or the browser. */
  readonly platform: ClientPlatform;
}

let nextId = 1;

let callbacksOf: (client: object) => ClientCallbacks;

/**
 * A client, on any platform: what `WebSocket` of `hawser/client` is on Node and in browsers. See there.
 *
 * The type parameters: `H` is the type of the handler, `S` that of the server's connection handler (from which the types of the messages
 * come), and `T` the data type.
 */
export class ClientSocket<H extends object = ClientHandler, S = unknown, T extends DataType = DataType> {
  /** An integer that is unique among the clients of the process. */
  readonly id: number = nextId++;
  /** The handler that was given. */
  readonly handler: H;
  /** The type of `event.data`. */
  readonly dataType: DataType;
  /** Resolves after `onTerminate` has settled, or `closeTimeout` after its call, with its event. It never rejects. */
  readonly closed: Promise<WSTerminateEvent>;
  readonly #session: Session;
  readonly #callbacks: ClientCallbacks;

  static {
    callbacksOf = (client) => (client as ClientSocket).#callbacks;
  }

  /** Only `WebSocket` calls it. */
  constructor(handler: H, { settings, dataType, platform }: ClientSetup) {
    this.handler = handler;
    this.dataType = dataType;
    const callbacks = (this.#callbacks = new ClientCallbacks(this, handler));
    if (typeof (handler as ClientHandler).onMessage !== "function") callbacks.iterator = new MessageIterator();
    this.#session = new Session(platform, settings, callbacks);
    this.closed = this.#session.ended;
    this.#session.start();
  }

  /** The URL of the connection, or of the last dial, without user and password; "" before the first dial. */
  get url(): string {
    return this.#session.url;
  }

  /** `"Connecting"` (also between a loss and the next connection), `"Connected"`, `"Closing"` or `"Closed"`. */
  get status(): ClientStatus {
    return this.#session.status;
  }

  /** The dials in a row that followed a failure: 0 for the first one, and after a connection that was stable. */
  get attempt(): number {
    return this.#session.attempt;
  }

  /** The subprotocol that the server has chosen; undefined: none. */
  get protocol(): string | undefined {
    return this.#session.agreed?.protocol;
  }

  /** The extensions that were agreed; "": none. */
  get extensions(): string {
    return this.#session.agreed?.extensions ?? "";
  }

  /**
   * The version of HTTP that the WebSocket runs over: `"1.1"`, or `"2.0"` if the option `http2` has led to HTTP/2 (RFC 8441). Undefined
   * before the first connection, and in a browser, which does not tell.
   */
  get httpVersion(): "1.1" | "2.0" | undefined {
    return this.#session.agreed?.httpVersion;
  }

  /** Bytes that were sent, but that have not left yet, and those that wait for a connection. */
  get bufferedAmount(): number {
    return this.#session.sender.bufferedAmount;
  }

  /** Counts of the messages over the whole life of the client. It is a snapshot, in which `accepted` is `written + dropped + pending`. */
  get counters(): MessageCounters {
    return this.#session.sender.counters;
  }

  /** Aborts when the client ends, whoever ends it. A connection that is lost and dialed again does not abort it. */
  get signal(): AbortSignal {
    return this.#callbacks.signal;
  }

  /**
   * Sends a message, as the server's `send` does. It never throws because of the state.
   *
   * @param options the message's `key` for the policy `"latest"`; whether to `compress` it
   * @returns true when the message was accepted and there is space for more. False: wait with `drained` or `onDrain`; or the message was
   *   dropped because the client is not connected (see `reconnect.whileAway`) or a queue is full
   * @throws {InvalidArgumentError} for a value that cannot be sent
   */
  send<M extends Message>(message: MessageOf<TakenBy<S>, M>, options?: SendOptions): boolean {
    return this.#session.sender.send(message, options);
  }

  /** Waits until there is space for messages, also for a connection. Resolves to false when the client ends before. It never rejects. */
  drained(): Promise<boolean> {
    return this.#session.sender.drained();
  }

  /**
   * Measures a round trip: by a ping on Node, by `probe` in browsers.
   *
   * @returns milliseconds; undefined when there is no connection, no answer, or no way to ask. It never rejects
   */
  ping(): Promise<number | undefined> {
    return this.#session.ping();
  }

  /** Dials now, and forgets the delays. A connection that is open is closed first (1000). After the end it does nothing. */
  reconnect(): void {
    this.#session.reconnect();
  }

  /**
   * Ends the client as 4D does: it closes the connection and does not connect again. A second call does nothing.
   *
   * @param code 1000, or 3000 to 4999. Default 1000
   * @param message the reason, at most 123 bytes of UTF-8. As in 4D, it is sent only with a code above 3000
   * @throws {InvalidArgumentError} for arguments of another type
   * @throws {OutOfRangeError} for another code, or a message that is too long
   */
  terminate(code?: number | TerminateOptions, message?: string): void {
    const isObject = typeof code === "object" && (code as unknown) !== null;
    const sent = readClientCode("terminate: code", isObject ? code.code : code);
    // 4D: the reason is sent only with a code above 3000.
    const reason = sent > 3000 ? readReason("terminate: message", isObject ? code.message : message) : undefined;
    this.#session.terminate(sent, reason);
  }

  /**
   * The same as the web platform's `close`.
   *
   * @param code 1000, or 3000 to 4999. Default 1000
   * @param reason at most 123 bytes of UTF-8
   * @throws {InvalidArgumentError} for arguments of another type
   * @throws {OutOfRangeError} for another code, or a reason that is too long
   */
  close(code?: number, reason?: string): void {
    this.#session.terminate(readClientCode("close: code", code), readReason("close: reason", reason));
  }

  /** Ends the client at once: no close frame, and nothing that waits is sent. */
  destroy(): void {
    this.#session.destroy();
  }

  /**
   * The next message, for a handler without `onMessage`. `{ done: true }` after an orderly end.
   *
   * @returns rejects once with what ended the client, if that was no orderly close (1000, 1001, 1005)
   * @throws {InvalidArgumentError} if the handler has `onMessage`
   */
  next(): Promise<IteratorResult<ReceivedFrom<S, T>, undefined>> {
    return this.#iterator().next() as Promise<IteratorResult<ReceivedFrom<S, T>, undefined>>;
  }

  /**
   * The messages one by one, also over reconnects. Leaving the loop ends the client (1000), as with Node's streams.
   *
   * @throws {InvalidArgumentError} if the handler has `onMessage`, or another loop takes the messages already
   * @example
   * for await (const data of ws) console.log(data);
   */
  [Symbol.asyncIterator](): AsyncIterator<ReceivedFrom<S, T>, undefined> {
    const iterator = this.#iterator();
    iterator.take();
    return {
      next: () => this.next(),
      return: async () => {
        iterator.drop();
        this.#session.terminate(1000, undefined);
        await this.closed;
        return { done: true, value: undefined };
      },
    };
  }

  /** Ends the client (1000), and waits for `onTerminate`: `await using ws = await WebSocket.connect(url)`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#callbacks.iterator?.drop();
    this.#session.terminate(1000, undefined);
    await this.closed;
  }

  #iterator(): MessageIterator {
    const { iterator } = this.#callbacks;
    if (iterator === undefined) throw new InvalidArgumentError("Messages go to the handler's onMessage");
    return iterator;
  }
}

/** Resolves when the client is connected for the first time; rejects when it ends before. */
export function whenOpen<C extends object>(client: C): Promise<C> {
  return new Promise((resolve, reject) => {
    callbacksOf(client).firstOpen = {
      resolve: () => resolve(client),
      reject: (error) => {
        const isAborted = error instanceof HawserError && error.code === "HWS_ABORTED" && "cause" in error;
        // The reason of `options.signal`, as everywhere on the platform.
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- it is whatever the application gave
        if (isAborted) reject(error.cause);
        else reject(error instanceof Error ? error : new HawserError("HWS_ABORTED"));
      },
    };
  });
}

/**
 * Checks a client's handler.
 *
 * @throws {InvalidArgumentError} when it is not an object, or one of its callbacks is not a function
 */
export function checkClientHandler(handler: unknown): void {
  if (typeof handler !== "object" || handler === null)
    throw new InvalidArgumentError(`handler: expected an object, got ${handler === null ? "null" : typeof handler}`);
  for (const name of CLIENT_CALLBACKS) {
    const callback = (handler as Record<string, unknown>)[name];
    if (callback !== undefined && callback !== null && typeof callback !== "function")
      throw new InvalidArgumentError(`handler: ${name}: expected a function`);
    // The names of the platform's class.
    if (name.toLowerCase() in handler)
      throw new InvalidArgumentError(`handler: ${name.toLowerCase()}: did you mean ${name}?`);
  }
}

/** The callbacks of a client's handler. */
export const CLIENT_CALLBACKS = [
  "onOpen",
  "onMessageStart",
  "onMessage",
  "onDrain",
  "onError",
  "onTerminate",
  "onReconnecting",
  "onReconnected",
];
