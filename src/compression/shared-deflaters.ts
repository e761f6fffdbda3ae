import type { Bytes } from "../protocol/bytes.ts";
import type { Deflater } from "./codec.ts";
import type { DeflateSettings } from "./settings.ts";
import { createDeflater } from "./zlib.ts";

/** A deflater for all connections of the process that compress alike: nothing of a message is left for the next one. */
class SharedDeflater implements Deflater {
  readonly #deflater: Deflater;

  constructor(settings: DeflateSettings) {
    this.#deflater = createDeflater(settings);
  }

  deflate(bytes: Bytes, start: number, end: number): Bytes {
    try {
      return this.#deflater.deflate(bytes, start, end);
    } finally {
      this.#deflater.reset();
    }
  }

  reset(): void {
    // It has no history.
  }
}

/** The deflaters that were used so far: at most 7 windows x 10 levels x 9 sizes of memory, and a process uses one or two. */
const deflaters = new Map<number, Deflater>();

/** The deflater of the process for these settings. It keeps no history: each message is compressed by itself. */
export function sharedDeflater(settings: DeflateSettings): Deflater {
  const key = settings.windowBits * 100 + settings.level * 10 + settings.memLevel;
  let deflater = deflaters.get(key);
  if (deflater === undefined) deflaters.set(key, (deflater = new SharedDeflater(settings)));
  return deflater;
}
