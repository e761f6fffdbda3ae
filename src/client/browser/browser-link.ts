import type { MessageCounters } from "../../connection/counters/message-counters.ts";
import type { DataType } from "../../connection/receiving/decode.ts";
import { HawserError } from "../../errors/errors.ts";
import type { ErrorCode } from "../../errors/table.ts";
import type { JsonLimits } from "../../util/json-checks.ts";
import { Waiters } from "../../util/waiters.ts";
import type { Link, LinkEnd, LinkListener } from "../link.ts";
import type { ProbeSettings } from "../settings.ts";
import { decodeMessage } from "./decode.ts";
import { browserErrorEvent } from "./error-event.ts";
import { byteLengthOf, payloadOf } from "./payload.ts";
import { type PlatformClose, type PlatformSocket, reportUnheard } from "./platform-types.ts";
import { Probe, type ProbeOwner } from "./probe.ts";
import { SentMessages } from "./sent-messages.ts";
import { SerialCallbacks } from "./serial-callbacks.ts";

/** How a client receives and sends in a browser. */
export interface BrowserSettings extends JsonLimits {
  /** The type of `event.data`. */
  readonly dataType: DataType;
  /** Bytes of a message. */
  readonly maxMessageSize: number;
  /** Bytes that may wait for the handler. */
  readonly maxReceiveQueue: number;
  /** Bytes that may wait before `send` returns false. */
  readonly highWaterMark: number;
  /** Bytes that may wait. */
  readonly maxSendQueue: number;
  /** Milliseconds for the close handshake. */
  readonly closeTimeout: number;
  /** How the server is asked for a sign of life. */
  readonly probe: ProbeSettings | undefined;
}

/** What waits for the handler, on all connections of a client: those that were lost may wait too. */
export interface Received {
  /** Its bytes. */
  bytes: number;
}

/** The close codes of failures. */
const FAILURES: Readonly<Partial<Record<ErrorCode, number>>> = {
  HWS_INVALID_UTF8: 1007,
  HWS_INVALID_JSON: 1007,
  HWS_MESSAGE_TOO_BIG: 1009,
  HWS_JSON_TOO_DEEP: 1009,
  HWS_JSON_TOO_BIG: 1009,
  HWS_RECEIVE_QUEUE_FULL: 1013,
};

/** RFC 6455 7.4.1: a failure of ours. */
const INTERNAL_ERROR = 1011;

/** A page may close with 1000, and with those of applications. The others of Node go out with this added: 4007 stands for 1007. */
const OFFSET = 3_000;

/** A message that waits costs at least this many bytes, so that empty ones have a limit too. */
const MIN_SIZE = 64;

/** A client's connection on the platform's own socket. */
export class BrowserLink implements Link, ProbeOwner {
  readonly #socket: PlatformSocket;
  readonly #settings: BrowserSettings;
  readonly #listener: LinkListener;
  readonly #callbacks: SerialCallbacks;
  readonly #sent: SentMessages;
  readonly #drainWaiters = new Waiters<boolean>();
  readonly #received: Received;
  #status: "Connected" | "Closing" | "Closed" = "Connected";
  #probe: Probe | undefined;
  #closeTimer: ReturnType<typeof setTimeout> | undefined;
  #isFull = false;
  /** False once we have begun the end: as on Node, no message is delivered then, also none that waits. */
  #isDelivering = true;
  #failure: HawserError | undefined;
  /** A code of ours that goes out as another one. */
  #hiddenCode: number | undefined;

  constructor(socket: PlatformSocket, settings: BrowserSettings, listener: LinkListener, received: Received) {
    this.#socket = socket;
    this.#settings = settings;
    this.#listener = listener;
    this.#received = received;
    this.#callbacks = new SerialCallbacks((error) => this.#onCallbackFailed(error));
    this.#sent = new SentMessages(() => socket.bufferedAmount);
    socket.onmessage = ({ data }) => this.#onData(data as string | ArrayBuffer);
    socket.onclose = (event) => this.#onClose(event);
  }

  get status(): "Connected" | "Closing" | "Closed" {
    return this.#status;
  }

  get bufferedAmount(): number {
    return this.#status === "Closed" ? 0 : this.#socket.bufferedAmount;
  }

  get counters(): MessageCounters {
    return this.#sent.counters;
  }

  start(): void {
    const { probe } = this.#settings;
    if (probe !== undefined) this.#probe = new Probe(probe, this);
    this.#callbacks.run(() => this.#listener.onOpen());
  }

  send(message: unknown, options: unknown): boolean {
    const payload = payloadOf(message, options);
    if (this.#status !== "Connected") return false;
    const { highWaterMark, maxSendQueue } = this.#settings;
    if (this.#socket.bufferedAmount > maxSendQueue) this.#sent.drop();
    else {
      this.#socket.send(payload.message);
      this.#sent.add(payload.size);
    }
    // If the next message would be dropped there is no space, whatever `highWaterMark` is.
    const most = Math.min(highWaterMark, maxSendQueue);
    if (this.#socket.bufferedAmount <= most) return true;
    this.#isFull = true;
    this.#sent.watch(most, () => this.#onDrained());
    return false;
  }

  drained(): Promise<boolean> {
    if (this.#status !== "Connected") return Promise.resolve(false);
    return this.#isFull ? this.#drainWaiters.wait() : Promise.resolve(true);
  }

  ping(): Promise<number | undefined> {
    return this.#probe === undefined || this.#status !== "Connected"
      ? Promise.resolve(undefined)
      : this.#probe.measure();
  }

  probe(): void {
    this.#probe?.send();
  }

  sendProbe(): void {
    const { probe } = this.#settings;
    if (probe !== undefined && this.#status === "Connected") this.#socket.send(probe.request);
  }

  onSilent(): void {
    this.#abandon({ ...ABNORMAL, initiator: "network", cause: new HawserError("HWS_PEER_SILENT") });
  }

  /** The network is gone, although the platform has not noticed. */
  onOffline(): void {
    this.#abandon({ ...ABNORMAL, initiator: "network", cause: new HawserError("HWS_STREAM_ENDED") });
  }

  close(code = 1000, reason?: string): void {
    if (this.#status !== "Connected") return;
    this.#status = "Closing";
    this.#isDelivering = false;
    this.#drainWaiters.resolve(false);
    this.#probe?.stop();
    // The close event may never come.
    this.#closeTimer = setTimeout(() => {
      const cause = this.#failure ?? new HawserError("HWS_CLOSE_TIMEOUT");
      this.#abandon({ ...ABNORMAL, initiator: "local", cause });
    }, this.#settings.closeTimeout);
    this.#hiddenCode = code > 1000 && code < OFFSET ? code : undefined;
    this.#socket.close(this.#hiddenCode === undefined ? code : code + OFFSET, reason);
  }

  destroy(): void {
    this.#isDelivering = false;
    this.#abandon({ ...ABNORMAL, initiator: "local", cause: this.#failure });
  }

  stopWaiting(): void {
    this.#callbacks.stopWaiting();
  }

  #onData(data: string | ArrayBuffer): void {
    if (this.#status !== "Connected") return;
    this.#probe?.noteReceived();
    if (this.#probe?.isAnswer(data) === true) return;
    const { maxMessageSize, maxReceiveQueue, dataType } = this.#settings;
    const size = typeof data === "string" ? byteLengthOf(data) : data.byteLength;
    if (size > maxMessageSize) return this.#fail(new HawserError("HWS_MESSAGE_TOO_BIG"));
    const waiting = Math.max(MIN_SIZE, size);
    if (this.#callbacks.isBusy && this.#received.bytes + waiting > maxReceiveQueue)
      return this.#fail(new HawserError("HWS_RECEIVE_QUEUE_FULL"));
    this.#received.bytes += waiting;
    this.#callbacks.run(() => {
      this.#received.bytes -= waiting;
      return this.#isDelivering ? this.#deliver(data, dataType) : undefined;
    });
  }

  #deliver(data: string | ArrayBuffer, dataType: DataType): unknown {
    let decoded: unknown;
    try {
      decoded = decodeMessage(data, dataType, this.#settings);
    } catch (error) {
      this.#fail(error as HawserError);
      return undefined;
    }
    return this.#listener.onMessage({ type: "message", data: decoded });
  }

  #onDrained(): void {
    this.#isFull = false;
    this.#drainWaiters.resolve(true);
    this.#callbacks.run(() => (this.#status === "Connected" ? this.#listener.onDrain({ type: "drain" }) : undefined));
  }

  #onCallbackFailed(cause: unknown): unknown {
    if (this.#failure !== undefined) {
      // Another one has ended the connection.
      reportUnheard(cause);
      return undefined;
    }
    this.#closeFailed(new HawserError("HWS_HANDLER_FAILED", undefined, { cause }));
    return this.#listener.onFailed(browserErrorEvent(cause, "handler"));
  }

  /** The message is invalid, or too much: `onError` in its order, and the close code of the failure. */
  #fail(error: HawserError): void {
    if (this.#failure !== undefined) return;
    this.#closeFailed(error);
    this.#callbacks.run(() => this.#listener.onFailed(browserErrorEvent(error, "library")));
  }

  #closeFailed(error: HawserError): void {
    this.#failure = error;
    this.#isDelivering = false;
    this.close(FAILURES[error.code] ?? INTERNAL_ERROR);
  }

  #onClose({ code, reason, wasClean }: PlatformClose): void {
    const initiator = this.#status === "Closing" ? "local" : wasClean ? "peer" : "network";
    const cause = this.#failure ?? (wasClean ? undefined : new HawserError("HWS_STREAM_ENDED"));
    // As on Node: after a message that is invalid or too big the server's answer does not count, after a handler that threw it does.
    if (this.#failure !== undefined && this.#failure.code !== "HWS_HANDLER_FAILED")
      return this.#end({ ...ABNORMAL, initiator, cause });
    const isHidden = this.#hiddenCode !== undefined && code === this.#hiddenCode + OFFSET;
    this.#end({ code: isHidden ? code - OFFSET : code, reason: reason === "" ? undefined : reason, initiator, cause });
  }

  /** The platform may tell its end much later, or never. */
  #abandon(end: LinkEnd): void {
    if (this.#status === "Closed") return;
    this.#socket.close();
    this.#end(end);
  }

  #end(end: LinkEnd): void {
    if (this.#status === "Closed") return;
    this.#status = "Closed";
    this.#socket.onmessage = this.#socket.onclose = null;
    clearTimeout(this.#closeTimer);
    this.#probe?.stop();
    this.#sent.end();
    this.#drainWaiters.resolve(false);
    this.#listener.onClosed(end);
    this.#callbacks.run(() => this.#listener.onFinished());
  }
}

/** No close frame came (RFC 6455 7.1.5). */
const ABNORMAL = { code: 1006, reason: undefined } as const;
