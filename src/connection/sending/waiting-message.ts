import { ownText } from "../../util/own-text.ts";
import { type Bytes, allocate } from "../../protocol/bytes.ts";
import { afterEachTurn, requestTurnEnd } from "../transport/turn.ts";
import { type OutgoingMessage, copyIfShort, isBlobLike } from "./outgoing-message.ts";
import { SharedMessage } from "./shared-message.ts";
import { StreamMessage } from "./stream-message.ts";

/** A message that waits, in memory of its own: a text as bytes, because a part of a string would keep the whole string. */
export interface WaitingMessage {
  /** The message. */
  readonly message: OutgoingMessage;
  /** Whether it was a text: `asSent` makes it one again. */
  readonly isText: boolean;
  /** The bytes of memory that wait because of it alone: none if another message waits with the same memory. */
  readonly ownSize: number;
}

/** The last text that began to wait in this turn, and its bytes: a loop over all connections keeps them once. */
let lastText: { readonly text: string; readonly bytes: Bytes } | undefined;
/** The last memory of the application's that began to wait in this turn. */
let lastMemory: ArrayBufferLike | undefined;

afterEachTurn(() => {
  lastText = lastMemory = undefined;
});

/** Gives a message memory of its own, because it is about to wait. Long bytes and a `Blob` are the application's memory, and stay so. */
export function waitingMessage(message: OutgoingMessage): WaitingMessage {
  const { opcode, payload, compression } = message;
  if (message instanceof SharedMessage) {
    const ownSize = message.keep() && message.frame !== undefined ? message.frame.length : 0;
    return { message, isText: false, ownSize };
  }
  if (message instanceof StreamMessage) return { message, isText: false, ownSize: 0 };
  const key = ownKey(message);
  if (typeof payload === "string") {
    const isKnown = lastText?.text === payload;
    const bytes = isKnown ? lastText!.bytes : utf8Of(payload);
    if (!isKnown) lastText = { text: payload, bytes };
    requestTurnEnd();
    return { message: { opcode, payload: bytes, key, compression }, isText: true, ownSize: isKnown ? 0 : bytes.length };
  }
  if (isBlobLike(payload)) return { message: { ...message, key }, isText: false, ownSize: 0 };
  const own = copyIfShort(payload);
  const ownSize = own === payload && payload.buffer === lastMemory ? 0 : own.length;
  if (own === payload) lastMemory = payload.buffer;
  requestTurnEnd();
  return { message: { opcode, payload: own, key, compression }, isText: false, ownSize };
}

/** The message as it was before it waited. */
export function asSent({ message, isText }: Pick<WaitingMessage, "message" | "isText">): OutgoingMessage {
  if (!isText) return message;
  const bytes = message.payload as Bytes;
  return { ...message, payload: bytes.utf8Slice(0, bytes.length) };
}

/** The key of a message that is about to wait, in memory of its own. */
export function ownKey(message: OutgoingMessage): string | undefined {
  if (message instanceof SharedMessage) {
    message.keep();
    return message.key;
  }
  return message.key === undefined ? undefined : ownText(message.key);
}

/** A text as bytes, in memory of its own: Node's pool would keep 8 KiB for a short one. */
export function utf8Of(text: string): Bytes {
  const bytes = allocate(Buffer.byteLength(text));
  bytes.utf8Write(text);
  return bytes;
}
