import { isAscii, isUtf8 } from "node:buffer";

import { ReaderRules } from "../protocol/reader-rules.ts";
import type { DispatchSettings } from "./dispatch/handler-dispatcher.ts";
import type { KeepaliveSettings } from "./keepalive/settings.ts";
import { ReceiveReserve } from "./receiving/receive-reserve.ts";
import type { ReceivingSettings } from "./receiving/settings.ts";
import type { SendingSettings } from "./sending/settings.ts";

/** What connections that are made alike have in common: those of one server. */
export interface ConnectionSettings extends SendingSettings, ReceivingSettings, Pick<DispatchSettings, "taskCounters"> {
  /** Milliseconds the peer has for its side of closing, and tasks after that. */
  readonly closeTimeout: number;
  /** How long connections live, in ticks. */
  readonly keepalive: KeepaliveSettings;
}

/** The rules of all readers of one server. */
const rules = new WeakMap<ConnectionSettings, ReaderRules>();

/** The most bytes of a large message that are read at once if a rate in bytes is limited: it is measured after each read. */
const MAX_MEASURED_READ = 64 * 1024;

/** How the connections of one server read: worked out for the first of them. */
export function readerRulesOf(settings: ConnectionSettings): ReaderRules {
  let known = rules.get(settings);
  if (known === undefined) {
    const { role, decode, maxMessageSize, maxFragments, maxBytesPerSecond } = settings;
    const { textAsString } = decode;
    const reserve = new ReceiveReserve(settings);
    const maxTarget = maxBytesPerSecond === Infinity ? undefined : MAX_MEASURED_READ;
    const platform = { isUtf8, isAscii };
    known = new ReaderRules({ role, maxMessageSize, maxFragments, textAsString, reserve, maxTarget, ...platform });
    rules.set(settings, known);
  }
  return known;
}
