import type { JobOwner } from "../../compression/jobs.ts";
import { type Bytes, copyOf } from "../../protocol/bytes.ts";
import { memoryChangedError } from "../transport/direct-write.ts";
import { afterEachTurn, requestTurnEnd } from "../transport/turn.ts";
import { type MessageCompressor, isLarge } from "./message-compressor.ts";
import { Compression, type OutgoingMessage, isBlobLike, readBlob } from "./outgoing-message.ts";
import { SharedMessage } from "./shared-message.ts";
import { StreamMessage } from "./stream-message.ts";

/**
 * Prepares a message that cannot be written at once: a `Blob` is read, and a large message is compressed in another thread.
 *
 * @param compressor undefined: the connection does not compress
 * @param owner if it does not want the message any more when another thread could begin, that does not begin
 * @returns a promise of the message as it can be written; undefined: it needs no preparation
 */
export function preparationOf(
  message: OutgoingMessage,
  compressor: MessageCompressor | undefined,
  owner: JobOwner,
): Promise<OutgoingMessage> | undefined {
  if (isBlobLike(message.payload)) return readAndCompress(message, compressor, owner);
  return compressor === undefined ? undefined : compressLater(message, compressor, owner);
}

/** Whether a message must be prepared before it can be written. */
export function needsPreparation(message: OutgoingMessage, compressor: MessageCompressor | undefined): boolean {
  if (message instanceof StreamMessage) return true;
  return isBlobLike(message.payload) || (compressor !== undefined && isCompressedLater(message, compressor));
}

function isCompressedLater({ payload, compression }: OutgoingMessage, compressor: MessageCompressor): boolean {
  if (compression !== Compression.allowed || isBlobLike(payload)) return false;
  return isLarge(payload) && compressor.isWorth(payload);
}

async function readAndCompress(
  message: OutgoingMessage,
  compressor: MessageCompressor | undefined,
  owner: JobOwner,
): Promise<OutgoingMessage> {
  const read = await (message instanceof SharedMessage ? message.read() : readBlob(message));
  return (compressor === undefined ? undefined : compressLater(read, compressor, owner)) ?? read;
}

function compressLater(
  message: OutgoingMessage,
  compressor: MessageCompressor,
  owner: JobOwner,
): Promise<OutgoingMessage> | undefined {
  if (!isCompressedLater(message, compressor)) return undefined;
  const payload = message.payload as string | Bytes;
  if (message instanceof SharedMessage) return message.compressLater(compressor, owner);
  if (typeof payload === "string") return sharedText(message).compressLater(compressor, owner);
  const { length } = payload;
  const copy = (): Bytes => {
    if (payload.length !== length) throw memoryChangedError();
    // The application may transfer its memory meanwhile.
    return copyOf(payload);
  };
  return compressor
    .compressLater(copy, () => owner.isWanted)
    .then((compressed) => {
      if (compressed !== undefined) return { ...message, payload: compressed, compression: Compression.done };
      if (payload.length !== length) throw memoryChangedError();
      return { ...message, compression: Compression.forbidden };
    });
}

/** The last large text. A loop that sends it to all connections compresses it once. */
let last: { readonly message: OutgoingMessage; readonly shared: SharedMessage } | undefined;

function sharedText(message: OutgoingMessage): SharedMessage {
  if (last?.message.payload !== message.payload || last.message.key !== message.key)
    last = { message, shared: new SharedMessage(message) };
  requestTurnEnd();
  return last.shared;
}

afterEachTurn(() => {
  last = undefined;
});
