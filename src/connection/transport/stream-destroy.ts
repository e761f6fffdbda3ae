import type { Duplex } from "node:stream";

import { isInstanceOf } from "../../util/attempt.ts";
import { expectClose } from "./stream-events.ts";

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

/** `destroy` wants an `Error`. Any other value may throw when it is made a text. */
function asError(thrown: unknown): Error {
  if (isInstanceOf(thrown, Error)) return thrown;
  return new Error(typeof thrown === "string" ? thrown : "A stream threw a value that is no Error", { cause: thrown });
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
