import { HawserError, withoutStack } from "../errors/errors.ts";
import { type ErrorCode, type ErrorRow, errorTable } from "../errors/table.ts";
import type { Bytes } from "../protocol/bytes.ts";
import { type Close, CloseCode, serializeClose } from "../protocol/close-frame.ts";
import type { Initiator, WSTerminateEvent } from "./dispatch/events.ts";
import { CloseTimer, type CloseTimerOwner, type SentData } from "./keepalive/close-timer.ts";
import { type LivenessVerdict, timeLimitErrors } from "./keepalive/liveness-check.ts";

/** Why a connection ends: an error, the code of one that is made when it is needed, or the application's wish, which is none. */
export type CloseCause = HawserError | ErrorCode | "destroyed";

/** What closing needs of a connection's sender. */
export interface ClosingSender extends SentData {
  /** Whether the stream is full, and a way to destroy it. */
  readonly buffer: SentData["buffer"] & { readonly writer: { readonly isFull: boolean; destroy(): void } };
}

/** What closing needs of what is known of its peer. */
export interface ClosingLiveness {
  /** The number of bytes that had been written when something was last received, in 32 bits. */
  readonly writtenAtLastReceived: number;
}

/** What closing needs of a connection's settings. */
export interface ClosingSettings {
  /** Milliseconds that the end may take. */
  readonly closeTimeout: number;
  /** Counts how often that was not enough. */
  readonly limitCounters: { closeTimeout: number };
}

/** A connection, as `closeBecause` needs it. */
interface Closable {
  close(code: number | undefined, reason: string | undefined, cause: CloseCause, sendDeadline?: number): void;
}

/** A limit of a connection's time. */
type TimeLimit = Exclude<LivenessVerdict, "alive" | "pingDue">;

/** A rate that a peer may exceed. */
type Rate = "maxMessagesPerSecond" | "maxBytesPerSecond";

/** A connection that has reached a limit, which is counted. */
interface Limited<Limit extends string> {
  readonly settings: { readonly limitCounters: Record<Limit, number> };
}

/** What a close frame says. */
interface CloseFrame {
  readonly code?: number | undefined;
  readonly reason?: string | undefined;
}

/** What the handler is told when the peer sent no close frame (RFC 6455 7.1.5, 7.1.6). */
const NO_CLOSE_FRAME: Close = { code: CloseCode.abnormal, reason: undefined };

/**
 * How one connection ends: who began it, why, what the peer's close frame said, and how long it may take. It is made when the
 * end begins, so an open connection has none.
 */
export class Closing implements CloseTimerOwner {
  /** What the peer's close frame said, once it was read. */
  peerClose: Close | undefined;
  readonly #initiator: Initiator;
  readonly #sender: ClosingSender;
  readonly #settings: ClosingSettings;
  readonly #writtenAtLastReceived: number;
  #cause: CloseCause | undefined;
  #timer: CloseTimer | undefined;
  #answerTimer: NodeJS.Timeout | undefined;

  constructor(initiator: Initiator, sender: ClosingSender, settings: ClosingSettings, liveness: ClosingLiveness) {
    this.#initiator = initiator;
    this.#sender = sender;
    this.#settings = settings;
    this.#writtenAtLastReceived = liveness.writtenAtLastReceived;
  }

  /** Notes why the connection ends, if that is no orderly close. The first cause counts: later ones follow from it. */
  noteCause(cause: CloseCause | undefined): void {
    this.#cause ??= cause;
  }

  /** Notes that the stream is lost, or given up. After an orderly close this is no cause, if nothing waited for the peer. */
  noteLoss(cause: CloseCause): void {
    const { size, buffer } = this.#sender;
    if (this.peerClose === undefined || size > 0 || buffer.writer.isFull) this.noteCause(cause);
  }

  /**
   * Limits the time until the connection is closed by `closeTimeout`: see `CloseTimer`. A later call only extends it.
   *
   * @param sendDeadline the time of `performance.now()` until which data before the close frame may be sent in any case
   */
  startTimer(sendDeadline: number): void {
    const { closeTimeout } = this.#settings;
    clearTimeout(this.#answerTimer);
    if (this.#timer === undefined) {
      this.#timer = new CloseTimer(this, this.#sender, closeTimeout, this.#writtenAtLastReceived);
      if (isErrorOf(this.#cause, "HWS_SEND_QUEUE_FULL")) this.#timer.limitToTimeout();
    }
    this.#timer.extend(sendDeadline);
  }

  /**
   * The answer to the peer's close frame waits for callbacks. Calls `answer` after `closeTimeout`, unless `startTimer` was called:
   * then the answer is on its way.
   */
  limitAnswer(answer: () => void): void {
    const { closeTimeout, limitCounters } = this.#settings;
    this.#answerTimer = setTimeout(() => {
      answer();
      // If the connection was destroyed meanwhile, no answer was late.
      if (this.#timer !== undefined) limitCounters.closeTimeout++;
    }, closeTimeout);
  }

  /** The same as `startTimer`, if the time is limited already. */
  extendTimer(sendDeadline = 0): void {
    this.#timer?.extend(sendDeadline);
  }

  /** Something was received, after the close frame of ours was queued, and before the peer's. */
  noteReceived(): void {
    this.#timer?.noteReceived();
  }

  /** The time is over: destroys the stream. */
  onCloseTimeout(): void {
    this.#settings.limitCounters.closeTimeout++;
    this.noteLoss("HWS_CLOSE_TIMEOUT");
    this.#sender.buffer.writer.destroy();
  }

  /**
   * The stream is closed. Returns the event for `onTerminate`.
   *
   * @param hasLost whether messages were dropped with it: then the close was not in order
   */
  onStreamClose(hasLost: boolean): WSTerminateEvent {
    this.#timer?.stop();
    clearTimeout(this.#answerTimer);
    if (this.peerClose === undefined || hasLost) this.noteCause("HWS_STREAM_ENDED");
    const { code, reason } = this.peerClose ?? NO_CLOSE_FRAME;
    return { type: "terminate", code, reason, initiator: this.#initiator, cause: errorOf(this.#cause) };
  }
}

/**
 * Closes a connection for a reason of the library's, with the code and the reason of its row in the error table.
 *
 * @param closeFrame what is sent instead of what the row says
 * @param sendDeadline see `Connection.close`
 */
export function closeBecause(
  connection: Closable,
  cause: HawserError | ErrorCode,
  closeFrame?: CloseFrame,
  sendDeadline?: number,
): void {
  const row: ErrorRow = errorTable[typeof cause === "string" ? cause : cause.code];
  connection.close(closeFrame?.code ?? row.closeCode, closeFrame?.reason ?? row.closeReason, cause, sendDeadline);
}

/** Ends a connection that has reached a limit of its time. A peer that is silent gets no close frame. */
export function endAtTimeLimit(
  connection: Closable & Limited<TimeLimit> & { onStreamError(error: Error): void },
  limit: TimeLimit,
): void {
  connection.settings.limitCounters[limit]++;
  if (limit !== "pingTimeout") closeBecause(connection, timeLimitErrors[limit]);
  else connection.onStreamError(withoutStack(() => new HawserError("HWS_PEER_SILENT")));
}

/** Fails a connection whose peer exceeds a rate. Returns false: what exceeds it is not accepted. */
export function failAtRate(connection: Limited<Rate> & { onError(error: HawserError): void }, rate: Rate): false {
  connection.settings.limitCounters[rate]++;
  connection.onError(withoutStack(() => new HawserError("HWS_RATE_EXCEEDED", rate)));
  return false;
}

/** The body of the close frame for an error: the code and the reason of its row. */
export function closeBodyOf(code: ErrorCode): Bytes {
  const row: ErrorRow = errorTable[code];
  return serializeClose(row.closeCode, row.closeReason);
}

function isErrorOf(cause: CloseCause | undefined, code: ErrorCode): boolean {
  return cause === code || (cause instanceof HawserError && cause.code === code);
}

/** The error for `event.cause`. A code becomes an error only here: at most once for each connection. */
function errorOf(cause: CloseCause | undefined): HawserError | undefined {
  if (typeof cause !== "string") return cause;
  return cause === "destroyed" ? undefined : withoutStack(() => new HawserError(cause));
}
