import { isAscii, isUtf8 } from "node:buffer";

import type { DeflateAgreement } from "../compression/negotiation.ts";
import type { CompressionSettings } from "../compression/settings.ts";
import { deflatedAtMost } from "../compression/sync-flush.ts";
import { ReservedBit } from "../protocol/frame-header.ts";
import { type ReaderOptions, ReaderRules } from "../protocol/reader-rules.ts";
import type { AutoResponse } from "./auto-response.ts";
import type { HandlerDispatcher } from "./dispatch/handler-dispatcher.ts";
import type { DispatchSettings } from "./dispatch/settings.ts";
import type { KeepaliveSettings } from "./keepalive/settings.ts";
import { ReceiveReserve } from "./receiving/receive-reserve.ts";
import type { ReceivingSettings } from "./receiving/settings.ts";
import { compressorFor } from "./sending/compressors.ts";
import type { MessageCompressor } from "./sending/message-compressor.ts";
import type { SendingSettings } from "./sending/settings.ts";

/** What connections that are made alike have in common: those of one server. */
export interface ConnectionSettings extends SendingSettings, ReceivingSettings, Pick<DispatchSettings, "taskCounters"> {
  /** Milliseconds that callbacks may hold back the answer to a close frame, the peer has for its side, and tasks after that. */
  readonly closeTimeout: number;
  /** The text that is answered without a handler; undefined: none. */
  readonly autoResponse: AutoResponse | undefined;
  /** How messages are compressed with peers that agree; undefined: they are not. */
  readonly compression: CompressionSettings | undefined;
  /** How long connections live, in ticks. */
  readonly keepalive: KeepaliveSettings;
  /** Calls the handler of each connection; undefined: `HandlerDispatcher` itself. */
  readonly dispatcher?: typeof HandlerDispatcher | undefined;
}

/** The rules of all readers of one server: of connections without compression, and with it. */
const rules = [new WeakMap<ConnectionSettings, ReaderRules>(), new WeakMap<ConnectionSettings, ReaderRules>()] as const;

/** The most bytes of a large message that are read at once if a rate in bytes is limited: it is measured after each read. */
const MAX_MEASURED_READ = 64 * 1024;

/**
 * How the connections of one server read: worked out for the first of them.
 *
 * @param compressed whether messages may be compressed: RFC 7692 6 gives RSV1 to them
 */
export function readerRulesOf(settings: ConnectionSettings, compressed: boolean): ReaderRules {
  const known = rules[compressed ? 1 : 0];
  let found = known.get(settings);
  if (found === undefined) known.set(settings, (found = new ReaderRules(readerOptionsOf(settings, compressed))));
  return found;
}

/** The options of a reader that gathers all messages. */
export function readerOptionsOf(settings: ConnectionSettings, compressed: boolean): ReaderOptions {
  const { role, decode, maxMessageSize, maxFragments, maxBytesPerSecond } = settings;
  const { textAsString } = decode;
  const reserve = new ReceiveReserve(settings);
  const maxTarget = maxBytesPerSecond === Infinity ? undefined : MAX_MEASURED_READ;
  const platform = { isUtf8, isAscii };
  const options = { role, maxMessageSize, maxFragments, textAsString, reserve, maxTarget, ...platform };
  const maxTransformedSize = deflatedAtMost(maxMessageSize);
  return compressed ? { ...options, maxTransformedSize, transformBit: ReservedBit.rsv1 } : options;
}

/** How a connection compresses what it sends. */
export function compressorOf(
  { compression, role }: ConnectionSettings,
  agreed: DeflateAgreement,
): MessageCompressor | undefined {
  return compression && compressorFor(compression, agreed, role);
}
