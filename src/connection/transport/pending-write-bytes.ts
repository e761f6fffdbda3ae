import type { Duplex } from "node:stream";

import { bufferedIn } from "./direct-write.ts";

/** A stream with a handle that knows how much of a write the system has not taken yet. */
interface Handled {
  readonly _handle?: { readonly writeQueueSize?: unknown } | null;
}

/** Bytes that the system has not taken yet, also within one large write if the stream's handle knows. */
export function pendingWriteBytes(stream: Duplex): number {
  const queued = (stream as unknown as Handled)._handle?.writeQueueSize;
  return typeof queued === "number" && queued > 0 ? queued : bufferedIn(stream);
}
