import { type ErrorSource, DRAIN_EVENT, OPEN_EVENT, type WSTerminateEvent, errorEvent, hasOnError } from "./events.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import type { DataOpcode } from "../../protocol/opcodes.ts";
import { isTransferred, memoryTransferredError } from "../../protocol/transferred-memory.ts";
import { attempt } from "../../util/attempt.ts";
import { isThenable } from "../../util/thenable.ts";
import { isAbortOf, signalOf } from "./close-signal.ts";
import type { HandlerCallbacks } from "./handler-callbacks.ts";
import { startMessage } from "./message-start.ts";
import { Stage } from "./stage.ts";
import { type BusyCallback, SerialQueue, withOwnMemory } from "./serial-queue.ts";
import { type Task, Tasks, begin } from "./tasks.ts";
import { inNextTurn } from "../transport/turn.ts";
import { callInNoContext } from "../transport/no-context.ts";
import { afterSendLoop, isInSendLoop } from "../transport/send-loop.ts";
import type { DispatcherOwner } from "./dispatcher-owner.ts";
import { type TurnCount, countInTurn, countWork } from "./turn-budget.ts";
import { CompressedMessage, PendingMessage } from "../receiving/compressed-message.ts";
import { type InflateSettings, receiveCompressed } from "../receiving/compressed-message.ts";
import { IncomingMessage } from "../receiving/incoming-message.ts";
import type { RateLimiter } from "../receiving/rate-limiter.ts";
import { forgetLastText } from "../sending/text-frames.ts";

/**
 * Calls one connection's handler, in order and never twice at a time: `onOpen`, `onMessage`*, at most one `onError`,
 * `onTerminate`. After a callback that returns a promise the next one waits; otherwise no promise is involved. In one turn of
 * the event loop it gets `MAX_MESSAGES_PER_TURN` messages: the others wait in the same queue.
 */
export class HandlerDispatcher implements TurnCount {
  /** The library never writes on it: it may serve several connections. */
  readonly handler: HandlerCallbacks;
  /** Of `countInTurn`. */
  turnPosition = 0;
  readonly #owner: DispatcherOwner;
  #serialQueue: SerialQueue | undefined;
  /** A callback is running. Callbacks that it causes, by `send` or `terminate`, are called after it has returned. */
  #calling = false;
  #stage: Stage = Stage.delivering;

  constructor(handler: HandlerCallbacks, owner: DispatcherOwner, rateLimiter?: RateLimiter) {
    this.handler = handler;
    this.#owner = owner;
    if (rateLimiter !== undefined) this.#serialQueue = this.#newQueue(rateLimiter);
  }

  /** Whether a callback runs, its promise is awaited, or messages wait for the next turn. */
  get isBusy(): boolean {
    return this.#calling || (this.#serialQueue !== undefined && this.#serialQueue.isBusy);
  }

  /** How many calls wait for a callback that has not settled. */
  get queuedCount(): number {
    return this.#serialQueue === undefined ? 0 : this.#serialQueue.length;
  }

  /** The bytes that the messages take that wait. */
  get queuedBytes(): number {
    return this.#serialQueue === undefined ? 0 : this.#serialQueue.bytes;
  }

  /** The bytes of a message that another thread decompresses. */
  get decodingBytes(): number {
    return this.#serialQueue === undefined ? 0 : this.#serialQueue.decodingBytes;
  }

  /** The callback that is awaited while other calls wait for it; undefined: there is none. */
  get busyCallback(): BusyCallback | undefined {
    return this.#serialQueue?.busyCallback;
  }

  /** Runs `task` when every callback before it has settled: now, if none is awaited; after a loop that sends to many. */
  runInOrder(task: () => void): void {
    afterSendLoop(this.#owner, () => (this.isBusy ? this.#queue.addTask(task) : task()));
  }

  /** Runs `task` when the messages before it have been delivered that wait only for their turn or another thread. */
  runAfterTurns(task: () => void): void {
    const queue = this.#stage === Stage.delivering && !this.#calling ? this.#serialQueue : undefined;
    const again = (): void => this.runAfterTurns(task);
    if (queue?.decoding !== undefined) void queue.decoding.then(again, again);
    else if (queue?.waitsForTurn === true) inNextTurn(again);
    else task();
  }

  /** Stops delivering messages, also those that wait. */
  stopDelivery(): void {
    if (this.#stage === Stage.delivering) this.#stage = Stage.stopped;
  }

  /** Stops waiting for promises: what waits is called at once, or when the running callback returns. */
  stopWaiting(): void {
    const queue = this.#queue;
    queue.stopWaiting();
    if (!this.#calling) callInNoContext(() => queue.runNext());
    const tasks = Tasks.unfinishedOf(this.#owner);
    if (tasks !== undefined) callInNoContext(() => tasks.stopWaiting());
  }

  /**
   * Supervises work beside the callbacks: its failure is that of a callback, and `onTerminate` waits for it.
   *
   * @param isClosing the connection is closing: a function is not called
   * @returns whether `onTerminate` waits for it
   */
  waitUntil(task: Task, isClosing: boolean): boolean {
    if (typeof task === "function" && isClosing) return false;
    const promise = typeof task === "function" ? begin(task, signalOf(this.#owner, false)) : task;
    Tasks.add(this.#owner, promise, (error) => this.#onTaskFailed(error));
    return this.#stage !== Stage.terminated;
  }

  /** Whether the handler may have an `onOpen`: a getter that throws is for `dispatchOpen` to report. If not, nothing follows the handshake's answer. */
  get mayOpen(): boolean {
    return attempt(() => typeof this.handler.onOpen !== "function") !== true;
  }

  /** Calls `onOpen`. */
  dispatchOpen(): void {
    this.#callOptional("onOpen", OPEN_EVENT);
  }

  /** Calls `onMessage`, or `onMessageStart` for an `IncomingMessage`, now or when its turn comes. */
  dispatchMessage(message: unknown): void {
    if (this.#takesTurn()) this.#deliver(message);
    else this.#queue.addItem(withOwnMemory(message));
  }

  /**
   * The same for a message that is compressed. It is decompressed only when its turn comes: that takes time and memory.
   *
   * @param payload is valid until the call returns
   * @throws {ProtocolError} if it cannot be decompressed or decoded
   */
  dispatchCompressed(opcode: DataOpcode, payload: Bytes, settings: InflateSettings): void {
    const isNow = this.#takesTurn();
    const message = receiveCompressed(opcode, payload, settings, !isNow);
    if (isNow) {
      countWork(payload.length + message.length);
      this.#deliver(message);
    } else this.#queue.addItem(message);
  }

  /** Counts a control frame or a fragment in this turn. Returns false if it is one too many. */
  countFrame(): boolean {
    return countInTurn(this);
  }

  /** Calls `onDrain`, now or when its turn comes: once, however often the queue was drained meanwhile. */
  dispatchDrain(): void {
    if (isInSendLoop()) return afterSendLoop(this.#owner, () => this.dispatchDrain());
    if (!this.isBusy) return this.#callOnDrain();
    const queue = this.#queue;
    if (queue.hasDrain) return;
    queue.hasDrain = true;
    queue.addTask(() => {
      queue.hasDrain = false;
      this.#callOnDrain();
    });
  }

  /** Calls `onGap` in its order, if messages are still delivered. */
  dispatchGap(event: object): void {
    this.runInOrder(() => {
      if (this.#stage !== Stage.delivering) return;
      // Whoever has published may have caused it.
      const call = (): unknown => this.handler.onGap?.(this.#owner.publicConnection, event);
      callInNoContext(() => this.call(call, "onGap"));
    });
  }

  /** Calls `onError` in its order, if it has not been called yet. */
  dispatchError(error: Error): void {
    // Another connection may have caused it: by a broadcast, or by a timer that they share.
    this.runInOrder(() => this.callOnError(error));
  }

  /** The same at once: for a message that fails while it is delivered. */
  callOnError(error: Error): void {
    callInNoContext(() => this.#callOnError(error, "library"));
  }

  /** Calls `onTerminate` in its order, and after all tasks: the last call. `then` follows when it has settled. */
  dispatchTerminate(event: WSTerminateEvent, then: () => void): void {
    this.runInOrder(() => {
      const tasks = this.#serialQueue?.waitsNoMore === true ? undefined : Tasks.unfinishedOf(this.#owner);
      if (tasks === undefined) this.#callOnTerminate(event, then);
      // A task that fails meanwhile has its `onError` before it.
      else
        tasks.wait(this.#owner.settings.closeTimeout, () => this.runInOrder(() => this.#callOnTerminate(event, then)));
    });
  }

  #callOnTerminate(event: WSTerminateEvent, then: () => void): void {
    this.#stage = Stage.terminated;
    const unfinished = Tasks.unfinishedOf(this.#owner)?.unfinished;
    if (unfinished !== undefined) this.#owner.settings.taskCounters.unfinished += unfinished;
    this.#guarded(() => this.handler.onTerminate?.(this.#owner.publicConnection, event), "onTerminate");
    this.runInOrder(then);
  }

  get #queue(): SerialQueue {
    return (this.#serialQueue ??= this.#newQueue());
  }

  #newQueue(rateLimiter?: RateLimiter): SerialQueue {
    const queue = new SerialQueue(
      () => {
        // Without a queue a message takes fewer calls, and a connection less memory.
        if (rateLimiter === undefined && queue.waitedOnlyForTurns) this.#serialQueue = undefined;
        this.#owner.readFlow?.onHandlerIdle();
      },
      (item) => this.#deliverQueued(item),
      () => this.#hasTurn() && this.#isWithinRate(rateLimiter),
    );
    return queue;
  }

  /** Whether a message that has come now is delivered at once. If so, it is counted in this turn. */
  #takesTurn(): boolean {
    if (this.#serialQueue !== undefined || this.#calling) return !this.isBusy && this.#queue.mayDeliver();
    // Nearly every message: nothing runs or waits.
    if (countInTurn(this)) return true;
    this.#queue.waitForTurn();
    return false;
  }

  /** Counts a message in this turn. If it is one too many, the queue waits for the next turn. */
  #hasTurn(): boolean {
    if (this.#stage !== Stage.delivering) return true;
    const hasTurn = countInTurn(this);
    if (!hasTurn) this.#queue.waitForTurn();
    return hasTurn;
  }

  /** Counts a message in the rate. If it is one too many, the queue waits until it is not. */
  #isWithinRate(rateLimiter: RateLimiter | undefined): boolean {
    const delay = rateLimiter?.messageDelay(performance.now());
    if (delay !== undefined) this.#queue.waitFor(delay);
    return delay === undefined;
  }

  #deliver(message: unknown): void {
    if (this.#stage !== Stage.delivering) return;
    if (message instanceof PendingMessage) return this.#deliverPending(message);
    const { parse } = this.#owner.settings.decode;
    if (parse === undefined) this.callOnMessage(message);
    else this.#parseAndDeliver(message as string, parse);
  }

  #parseAndDeliver(text: string, parse: (text: string) => unknown): void {
    let data: unknown;
    try {
      data = parse(text);
    } catch (error) {
      return this.#owner.onUndecodable(error);
    }
    this.callOnMessage(data);
  }

  protected callOnMessage(data: unknown): void {
    // What is sent from here on is an answer to this message.
    forgetLastText();
    this.#calling = true;
    try {
      const result = this.handler.onMessage(this.#owner.publicConnection, { type: "message", data });
      if (result !== undefined) this.#await(result, true, "onMessage");
    } catch (error) {
      this.#onCallbackFailed(error);
    } finally {
      this.#onCallbackReturned();
    }
  }

  #callOnDrain(): void {
    if (this.#stage === Stage.delivering) this.#callOptional("onDrain", DRAIN_EVENT);
  }

  /** Calls a callback that a handler need not have. In JavaScript it may be null. */
  #callOptional(name: "onOpen" | "onDrain", event: object): void {
    const { publicConnection } = this.#owner;
    this.call(
      () => (typeof this.handler[name] === "function" ? this.handler[name](publicConnection, event) : undefined),
      name,
    );
  }

  /** Delivers an item that has waited. Meanwhile a handler may have transferred memory that the message shares. */
  #deliverQueued(item: unknown): void {
    if (this.#stage !== Stage.delivering) return;
    if (isTransferred(item)) this.#onCallbackFailed(memoryTransferredError());
    else this.#deliver(item);
    this.#owner.readFlow?.noteDelivered();
  }

  /** Whether another thread should decompress a message: it will be delivered, and its peer is there. */
  get isWanted(): boolean {
    return this.#stage === Stage.delivering && this.#owner.status !== "Closed";
  }

  #deliverPending(message: PendingMessage): void {
    if (message instanceof CompressedMessage) this.#deliverCompressed(message);
    else if (message instanceof IncomingMessage) this.call(() => this.#start(message), "onMessageStart");
  }

  /** Asks the handler whether it wants a message as a stream. If not, it gets it as a whole when it has come. */
  #start(message: IncomingMessage): Promise<void> | undefined {
    const decided = (isWhole: boolean): void => {
      const data = isWhole ? message.gather() : undefined;
      if (data !== undefined) this.#deliver(data);
    };
    const wantsWhole = startMessage(this.handler, this.#owner, message);
    if (wantsWhole === undefined) decided(true);
    return wantsWhole?.then(decided);
  }

  /** Decompresses a message, and delivers it. If another thread decompresses it, what follows waits. */
  #deliverCompressed(message: CompressedMessage): void {
    const data = message.decode(this);
    countWork(data instanceof Promise ? Infinity : message.length + data.length);
    if (!(data instanceof Promise)) return this.#deliver(data);
    const delivered = data.then((decoded) => (decoded === undefined ? this.stopDelivery() : this.#deliver(decoded)));
    const failed = (error: unknown): void => {
      // Nobody wants the message any more, as those that wait.
      if (this.#stage === Stage.delivering) this.#owner.onUndecodable(error);
    };
    this.#queue.waitFor(delivered, failed);
    this.#queue.decodingBytes = message.length;
    this.#queue.decoding = delivered;
  }

  /** Calls a callback whose exception closes the connection. `#deliver` does the same without a closure. */
  protected call(callback: () => unknown, name: string): void {
    this.#calling = true;
    try {
      this.#await(callback(), true, name);
    } catch (error) {
      this.#onCallbackFailed(error);
    } finally {
      this.#onCallbackReturned();
    }
  }

  /** A callback has returned: what it caused follows, unless its promise is awaited. */
  #onCallbackReturned(): void {
    this.#calling = false;
    if (this.#serialQueue !== undefined) this.#serialQueue.runNext();
    else if (this.#owner.readFlow?.isFull === true) this.#owner.readFlow.onHandlerIdle();
  }

  /** Calls `onError`, if it was not called before. */
  #callOnError(error: unknown, source: ErrorSource): void {
    if (this.#stage >= Stage.errorReported || !hasOnError(this.handler)) {
      this.#owner.reportError(error, source);
      return;
    }
    this.#stage = Stage.errorReported;
    this.#guarded(() => this.handler.onError?.(this.#owner.publicConnection, errorEvent(error, source)), "onError");
  }

  /** Calls a callback whose exception closes nothing: the connection is closing already. */
  #guarded(callback: () => unknown, name: string): void {
    this.#calling = true;
    try {
      this.#await(callback(), false, name);
    } catch (error) {
      this.#reportFailure(error);
    } finally {
      this.#onCallbackReturned();
    }
  }

  #onCallbackFailed(error: unknown): void {
    this.#calling = false;
    // It has stopped because its connection is closing, as it was asked to.
    if (isAbortOf(this.#owner, error)) return;
    this.stopDelivery();
    this.#callOnError(error, "handler");
    this.#owner.onHandlerFailed(error);
  }

  /** Closes the connection at once. `onError` waits for the callback that is running. */
  #onTaskFailed(error: unknown): void {
    if (isAbortOf(this.#owner, error)) return;
    this.stopDelivery();
    this.runInOrder(() => this.#callOnError(error, "handler"));
    this.#owner.onHandlerFailed(error);
  }

  /** If the result of the callback `name` is a promise, what follows waits for it. `fatal`: its rejection closes the connection. */
  #await(result: unknown, fatal: boolean, name: string): void {
    if (!isThenable(result)) return;
    const failed = (error: unknown): void => (fatal ? this.#onCallbackFailed(error) : this.#reportFailure(error));
    this.#queue.waitFor(result, failed, name);
  }

  /** The failure of a callback that closes nothing. */
  #reportFailure(error: unknown): void {
    if (!isAbortOf(this.#owner, error)) this.#owner.reportError(error, "handler");
  }
}
