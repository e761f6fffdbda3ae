import type { Duplex } from "node:stream";

import type { DeflateAgreement } from "../../compression/negotiation.ts";
import { Connection } from "../../connection/connection.ts";
import type { ConnectionOwner } from "../../connection/connection-owner.ts";
import type { MessageCounters } from "../../connection/counters/message-counters.ts";
import type {
  ErrorSource,
  WSDrainEvent,
  WSErrorEvent,
  WSMessageEvent,
  WSTerminateEvent,
} from "../../connection/dispatch/events.ts";
import { type WSMessageStartEvent, isOfStream } from "../../connection/dispatch/message-start.ts";
import type { HandlerCallbacks } from "../../connection/dispatch/handler-callbacks.ts";
import { sendMessage } from "../../connection/send-message.ts";
import type { SendOptions } from "../../connection/sending/message-options.ts";
import type { ConnectionSettings } from "../../connection/settings.ts";
import type { Status } from "../../connection/status.ts";
import { HawserError, withoutStack } from "../../errors/errors.ts";
import { EMPTY, asBytes } from "../../protocol/bytes.ts";
import type { Link, LinkListener } from "../link.ts";
import type { Backlog, EndedConnection } from "./backlog.ts";
import { type CheckedLink, type LivenessClock, clockOf } from "./liveness-clock.ts";
import { ignore } from "./streams.ts";

/** A connection whose handshake is done. */
export interface UpgradedStream {
  /** It carries the frames. */
  readonly stream: Duplex;
  /** Bytes that came with the server's answer. */
  readonly head: Uint8Array;
  /** What was agreed about compression; undefined: nothing. */
  readonly deflate: DeflateAgreement | undefined;
}

/** What the connections of one client share. */
export interface LinkClient {
  /** What waits on those that have ended. */
  readonly backlog: Backlog;
  /** Reports an error that no callback gets. */
  warn(error: unknown): void;
}

/** Milliseconds for an answer after the machine has slept. */
const PROBE_TIMEOUT = 5_000;

/** A client's connection on our own engine. */
export class NodeLink implements Link, CheckedLink, ConnectionOwner, HandlerCallbacks, EndedConnection {
  readonly settings: ConnectionSettings;
  readonly #clock: LivenessClock;
  readonly #connection: Connection;
  protected readonly listener: LinkListener;
  /** Until it starts. */
  #stream: Duplex | undefined;
  #head: Uint8Array | undefined;
  readonly #client: LinkClient;

  constructor(
    { stream, head, deflate }: UpgradedStream,
    settings: ConnectionSettings,
    listener: LinkListener,
    client: LinkClient,
  ) {
    this.settings = settings;
    this.#clock = clockOf(settings.keepalive.tickMs);
    this.listener = listener;
    this.#stream = stream;
    this.#head = head;
    this.#client = client;
    this.#connection = new Connection(stream, this, this, deflate);
    this.#connection.publicConnection = this;
  }

  get currentTick(): number {
    return this.#clock.currentTick;
  }

  get status(): Status {
    return this.#connection.status;
  }

  get bufferedAmount(): number {
    return this.#connection.bufferedAmount;
  }

  get counters(): MessageCounters {
    return this.#connection.counters;
  }

  /** The bytes of messages that wait for the handler. */
  get queuedBytes(): number {
    const { dispatcher, readFlow } = this.#connection;
    return dispatcher.queuedBytes + dispatcher.decodingBytes + (readFlow?.streamedBytes ?? 0);
  }

  start(): void {
    this.#clock.add(this);
    const head = this.#head ?? EMPTY;
    this.#head = undefined;
    this.#connection.start("", asBytes(head));
    const stream = this.#stream;
    this.#stream = undefined;
    if (stream === undefined) return;
    // The connection listens now. A second listener would be an array for each client.
    stream.off("error", ignore);
    this.#reportPast(stream);
  }

  /** Reports what happened to the stream after the server's answer, before the connection listened: no event tells of it again. */
  #reportPast(stream: Duplex): void {
    const { readableEnded, destroyed } = stream;
    if (readableEnded) this.#connection.onEnd();
    if (!destroyed) return;
    // The events may be due in this turn.
    process.nextTick(() => {
      if (this.status === "Closed") return;
      if (stream.errored instanceof Error) this.#connection.onStreamError(stream.errored);
      this.#connection.onStreamClose();
    });
  }

  send(message: unknown, options: SendOptions | undefined): boolean {
    return sendMessage(this.#connection, message, options);
  }

  drained(): Promise<boolean> {
    return this.#connection.whenDrained();
  }

  ping(): Promise<number | undefined> {
    return this.#connection.measureRoundTrip();
  }

  check(): void {
    this.#connection.checkPeer();
    this.#clock.busyCallbacks.check(this.#connection.dispatcher, undefined, this.currentTick);
  }

  probe(): void {
    const timer = setTimeout(() => {
      this.#connection.onStreamError(withoutStack(() => new HawserError("HWS_PEER_SILENT")));
    }, PROBE_TIMEOUT).unref();
    void this.#connection.measureRoundTrip().then(() => clearTimeout(timer));
  }

  close(code: number | undefined, reason: string | undefined): void {
    this.#connection.close(code, reason);
  }

  destroy(): void {
    this.#connection.cut();
  }

  stopWaiting(): void {
    this.#connection.dispatcher.stopWaiting();
  }

  // The calls of the engine, whose handler this is.

  onOpen(): unknown {
    return this.listener.onOpen();
  }

  onMessage(_ws: unknown, event: WSMessageEvent<unknown>): unknown {
    return this.listener.onMessage(event);
  }

  onDrain(_ws: unknown, event: WSDrainEvent): unknown {
    return this.listener.onDrain(event);
  }

  onError(_ws: unknown, event: WSErrorEvent): unknown {
    return this.listener.onFailed(event);
  }

  onClosed(_connection: Connection, { code, reason, initiator, cause }: WSTerminateEvent): void {
    this.#clock.remove(this);
    const isFull = this.#client.backlog.add(this) && initiator !== "local";
    this.listener.onClosed({
      code,
      reason,
      initiator,
      cause: isFull ? new HawserError("HWS_RECEIVE_QUEUE_FULL", "on connections that were lost") : cause,
    });
  }

  onFinished(): void {
    this.#client.backlog.remove(this);
    this.listener.onFinished();
  }

  onConnectionError(_connection: Connection, error: unknown, source: ErrorSource): void {
    // What ended the connection was reported before. A message that was not JSON may have been ignored.
    if (source === "handler" || this.status === "Connected") this.#client.warn(error);
  }
}

/** The same for a handler with `onMessageStart`: the engine asks about each message when it begins. Others pay nothing for it. */
export class StreamingNodeLink extends NodeLink {
  onMessageStart(_ws: unknown, event: WSMessageStartEvent): unknown {
    return this.listener.onMessageStart(event, (error) => isOfStream(error, event));
  }
}
