import type { Deflater } from "../../src/compression/codec.ts";
import type { DeflateSettings } from "../../src/compression/settings.ts";
import { createDeflater, sharedInflater } from "../../src/compression/zlib.ts";
import { type Bytes, copyOf } from "../../src/protocol/bytes.ts";

/** Microseconds of CPU time that a measured loop takes at least, and how often it is repeated: the shortest time counts. */
const LEAST = 12_000;
const REPEATS = 3;

/** What compressing some messages costs and saves. */
export interface Measured {
  /** The bytes of all messages. */
  readonly plain: number;
  /** The bytes of all payloads. */
  readonly payload: number;
  /** Microseconds of CPU time to compress one message. */
  readonly deflate: number;
}

/** The microseconds of CPU time of a call, in this thread and all others. */
export function cpuTime(call: () => void): number {
  let shortest = Infinity;
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    let [calls, taken] = [0, 0];
    const start = process.cpuUsage();
    do {
      call();
      calls++;
      const { user, system } = process.cpuUsage(start);
      taken = user + system;
    } while (taken < LEAST);
    shortest = Math.min(shortest, taken / calls);
  }
  return shortest;
}

/** Compresses messages, with or without context takeover. */
export function measureDeflate(messages: readonly Bytes[], settings: DeflateSettings, takeover: boolean): Measured {
  const deflater = createDeflater(settings);
  const each = (): number => {
    let payload = 0;
    for (const message of messages) {
      payload += deflater.deflate(message, 0, message.length).length;
      if (!takeover) deflater.reset();
    }
    deflater.reset();
    return payload;
  };
  const payload = each();
  const deflate = cpuTime(each) / messages.length;
  deflater.close();
  return { plain: sum(messages), payload, deflate };
}

/** The payloads of messages, each by itself. */
export function payloadsOf(messages: readonly Bytes[], deflater: Deflater): Bytes[] {
  return messages.map((message) => {
    const payload = copyOf(deflater.deflate(message, 0, message.length));
    deflater.reset();
    return payload;
  });
}

/** Microseconds of CPU time to decompress one message. */
export function measureInflate(payloads: readonly Bytes[]): number {
  const each = (): void => {
    for (const payload of payloads) sharedInflater.inflate(payload, 0, payload.length, 2 ** 24);
  };
  each();
  return cpuTime(each) / payloads.length;
}

/**
 * The memory of a deflater in bytes, for each of these settings: what the process needs more after many of them have compressed a
 * message that uses all of it.
 */
export function memoriesOf(settings: readonly DeflateSettings[], message: Bytes): number[] {
  const COUNT = 100;
  const all = [];
  const memories: number[] = [];
  for (const one of settings) {
    const deflaters = Array.from({ length: COUNT }, () => createDeflater(one, 0));
    deflaters[0]?.deflate(message, 0, message.length);
    const before = process.memoryUsage.rss();
    for (const deflater of deflaters.slice(1)) deflater.deflate(message, 0, message.length);
    memories.push((process.memoryUsage.rss() - before) / (COUNT - 1));
    // Kept until the end, so that the next ones get memory of their own.
    all.push(...deflaters);
  }
  for (const deflater of all) deflater.close();
  return memories;
}

/** The bytes of all messages. */
export function sum(messages: readonly Bytes[]): number {
  return messages.reduce((total, { length }) => total + length, 0);
}
