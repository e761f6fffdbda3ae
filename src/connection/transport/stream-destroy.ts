import type { Duplex } from "node:stream";

import { asError, expectClose } from "./stream-events.ts";

/**
 * Destroys a stream. Its close is reported even if the stream reports none. A user's own `destroy` may throw: nobody else must
 * suffer from that, and the process is warned.
 *
 * @param error what was thrown, if anything
 */
export function destroyStream(stream: Duplex, error?: unknown): void {
  try {
    stream.destroy(error === undefined ? undefined : asError(error));
  } catch {
    warnOnce("A stream threw when it was destroyed");
  }
  expectClose(stream, onStuck);
}

function onStuck(): void {
  warnOnce("A stream did not close after it was destroyed");
}

const warned = new Set<string>();

/** A class of streams does it for each connection: one warning is enough. */
function warnOnce(text: string): void {
  if (warned.has(text)) return;
  warned.add(text);
  process.emitWarning(text, { type: "HawserWarning", code: "HWS_STREAM_STUCK" });
}
