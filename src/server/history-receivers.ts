import type { BackplaneStage } from "../backplane/contract.ts";
import { Compression } from "../connection/sending/outgoing-message.ts";
import { sendBudget } from "../connection/sending/send-budget.ts";
import { SendResult } from "../connection/sending/send-result.ts";
import type { SendingSettings } from "../connection/sending/settings.ts";
import { SharedMessage } from "../connection/sending/shared-message.ts";
import { inSendLoop } from "../connection/transport/send-loop.ts";
import { Opcode } from "../protocol/opcodes.ts";
import type { HistoryPayload, ReceiverCalls, Sent, WSGapEvent } from "../topics/receiver-calls.ts";
import { withHeader } from "../topics/topic-frame.ts";
import type { BackplaneErrors } from "./backplane-errors.ts";
import { connectionOf } from "./connection-of.ts";
import type { WebSocketConnection } from "./websocket-connection.ts";

/** The limits of what waits for a connection. */
export type WaitingLimits = Pick<SendingSettings, "highWaterMark" | "maxSendQueue" | "maxTotalSendQueue">;

/** Sends the messages of topics with history to connections. */
export class HistoryReceivers implements ReceiverCalls<WebSocketConnection> {
  readonly #limits: WaitingLimits;
  readonly #errors: BackplaneErrors;

  constructor(limits: WaitingLimits, errors: BackplaneErrors) {
    this.#limits = limits;
    this.#errors = errors;
  }

  share({ header, isBinary, mayCompress, payload }: HistoryPayload): SharedMessage {
    const opcode = isBinary ? Opcode.binary : Opcode.text;
    const compression = mayCompress ? Compression.allowed : Compression.forbidden;
    const message = { opcode, payload, key: undefined, compression };
    return new SharedMessage(header === undefined ? message : withHeader(header, message), true);
  }

  inSendLoop(run: () => void): void {
    inSendLoop(run);
  }

  send(ws: WebSocketConnection, message: SharedMessage): Sent {
    // `onDrain` is for what the application sends.
    const result = connectionOf(ws).send(message, false);
    if (result === SendResult.accepted) return "accepted";
    return result === SendResult.dropped ? "dropped" : "slow";
  }

  isOpen(ws: WebSocketConnection): boolean {
    return ws.status === "Connected";
  }

  isCongested(ws: WebSocketConnection): boolean {
    const { highWaterMark, maxSendQueue, maxTotalSendQueue } = this.#limits;
    const limit = Math.min(highWaterMark, maxSendQueue, sendBudget.share(maxTotalSendQueue));
    return !this.isOpen(ws) || connectionOf(ws).bufferedAmount > limit;
  }

  drained(ws: WebSocketConnection): Promise<boolean> {
    return connectionOf(ws).whenDrained();
  }

  onGap(ws: WebSocketConnection, event: WSGapEvent): void {
    connectionOf(ws).dispatcher.dispatchGap(event);
  }

  onFailed(stage: BackplaneStage, error: unknown): void {
    this.#errors.report(stage, error);
  }
}
