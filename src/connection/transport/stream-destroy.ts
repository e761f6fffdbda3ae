import type { Duplex } from "node:stream";

import { resetIfHttp2 } from "../../handshake/http2-stream.ts";
import { asError, expectClose } from "./stream-events.ts";
import { warnOfStream } from "./stream-warnings.ts";

/**
 * Destroys a stream. Its close is reported even if the stream reports none. A user's own `destroy` may throw: nobody else must
 * suffer from that, and the process is warned.
 *
 * @param error what was thrown, if anything
 */
export function destroyStream(stream: Duplex, error?: unknown): void {
  try {
    resetIfHttp2(stream);
    stream.destroy(error === undefined ? undefined : asError(error));
  } catch {
    warnOfStream("A stream threw when it was destroyed");
  }
  expectClose(stream, onStuck);
}

function onStuck(): void {
  warnOfStream("A stream did not close after it was destroyed");
}
