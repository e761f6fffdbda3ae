import type { BackplaneStage } from "../backplane/contract.ts";
import type { SharedMessage } from "../connection/sending/shared-message.ts";
import type { Bytes } from "../protocol/bytes.ts";
import type { Identified } from "../util/registry.ts";
import type { GapReason } from "./chain.ts";

/** A message of a history as its receivers get it. */
export interface HistoryPayload {
  /** The header line before it; undefined: it has none. */
  readonly header: string | undefined;
  /** Whether it is binary; else it is text. */
  readonly isBinary: boolean;
  /** Whether it may be compressed. */
  readonly mayCompress: boolean;
  /** The message itself. */
  readonly payload: Bytes;
}

/** A connection's `onGap`: messages of a topic may be missing before this point. */
export interface WSGapEvent {
  readonly type: "gap";
  /** The topic. */
  readonly topic: string;
  /** `"reset"`: its history has begun anew. `"fork"`: it has lost its end. `"trimmed"`: its oldest messages were removed too early. */
  readonly reason: GapReason;
  /** Where the messages go on. */
  readonly position: string;
}

/** What became of a message: `"slow"` means accepted, but no more should be sent before it is drained. */
export type Sent = "accepted" | "slow" | "dropped";

/** The calls to those who receive messages of topics with history. */
export interface ReceiverCalls<Receiver extends Identified> {
  /** Makes a message that all of them share. No policy drops it while it waits. */
  share(message: HistoryPayload): SharedMessage;
  /** Runs a loop that sends to many: no callback of theirs runs in it, because all of them must get the messages in one order. */
  inSendLoop(run: () => void): void;
  /** Sends it to one of them. */
  send(receiver: Receiver, message: SharedMessage): Sent;
  /** Whether it can get messages. When it cannot any more, it leaves its topics soon. */
  isOpen(receiver: Receiver): boolean;
  /** Whether it is slow, or is closing: what is sent now may be dropped, or may close it. */
  isCongested(receiver: Receiver): boolean;
  /** Settles when it has drained: true; when it has closed: false. It never rejects. */
  drained(receiver: Receiver): Promise<boolean>;
  /** Calls its `onGap`, in the order of its callbacks. */
  onGap(receiver: Receiver, event: WSGapEvent): void;
  /** The broker failed in a way that no promise tells of. */
  onFailed(stage: BackplaneStage, error: unknown): void;
}
