import type { Duplex } from "node:stream";

import { bufferedIn } from "./direct-write.ts";

/** A stream of Node's over a handle that knows how much of a write the system has not taken yet. */
interface Handled {
  readonly _handle?: { readonly writeQueueSize?: unknown } | null;
}

/** Bytes that the system has still to take: within one large write too, where the stream's handle can tell. */
export function untakenBytes(stream: Duplex): number {
  const queued = (stream as unknown as Handled)._handle?.writeQueueSize;
  return typeof queued === "number" && queued > 0 ? queued : bufferedIn(stream);
}
