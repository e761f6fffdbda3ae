import type { BackplaneStage } from "../backplane/contract.ts";
import { Compression } from "../connection/sending/outgoing-message.ts";
import { SendResult } from "../connection/sending/send-result.ts";
import { SharedMessage } from "../connection/sending/shared-message.ts";
import { inSendLoop } from "../connection/transport/send-loop.ts";
import { Opcode } from "../protocol/opcodes.ts";
import type { HistoryPayload, Receivers, Sent, WSGapEvent } from "../topics/receivers.ts";
import { withHeader } from "../topics/topic-frame.ts";
import type { ServerDispatcher } from "./server-dispatcher.ts";
import { type WebSocketConnection, connectionOf } from "./websocket-connection.ts";

/** Sends the messages of topics with history to connections. */
export class HistoryReceivers implements Receivers<WebSocketConnection> {
  readonly #highWaterMark: number;
  readonly #reporter: Pick<ServerDispatcher, "dispatchError">;

  /** @param highWaterMark bytes that may wait for a connection before it is slow */
  constructor(highWaterMark: number, reporter: Pick<ServerDispatcher, "dispatchError">) {
    this.#highWaterMark = highWaterMark;
    this.#reporter = reporter;
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
    const result = connectionOf(ws).send(message);
    if (result === SendResult.accepted) return "accepted";
    return result === SendResult.dropped ? "dropped" : "slow";
  }

  isCongested(ws: WebSocketConnection): boolean {
    const connection = connectionOf(ws);
    return connection.status !== "Connected" || connection.bufferedAmount > this.#highWaterMark;
  }

  drained(ws: WebSocketConnection): Promise<boolean> {
    return connectionOf(ws).whenDrained();
  }

  onGap(ws: WebSocketConnection, event: WSGapEvent): void {
    connectionOf(ws).dispatcher.dispatchGap(event);
  }

  onFailed(_stage: BackplaneStage, error: unknown): void {
    this.#reporter.dispatchError(error, "library", true, undefined);
  }
}
