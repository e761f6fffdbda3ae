import { exchangeOf, hasPositions } from "../wire/dialects.ts";
import { payload, repeated } from "../wire/frames.ts";
import { variedMessages } from "../wire/varied.ts";
import { AnswerCounter } from "./counter.ts";
import { FrameCounter } from "./frame-counter.ts";
import type { Job } from "./job.ts";
import { VariedCounter } from "./varied-counter.ts";

/** Counts the answers of one connection. */
export interface Counter {
  /**
   * Reads the first `length` bytes of a chunk.
   *
   * @returns the number of answers that end in it
   * @throws Error - if the bytes are not the expected ones
   */
  count(chunk: Buffer, length: number): number;
}

/** What the clients of a run send, and what they expect. */
export interface Traffic {
  /** The bytes of one message, for the megabytes per second. */
  readonly messageBytes: number;
  /** The bytes that a server may have to remember of a compressed client (its window). 0: nothing is compressed. */
  readonly window: number;
  /** The frames of `count` messages from number `first` on, in one buffer. They are created before the run. */
  frames(first: number, count: number): Buffer;
  /** A counter for a connection whose first answer is to message number `first`. */
  counter(first: number): Counter;
}

/** The traffic of a job: one message again and again, or messages that differ. */
export function trafficOf(job: Job): Traffic {
  return job.varied ? variedTraffic(job) : sameTraffic(job);
}

function sameTraffic(job: Job): Traffic {
  const { request, reply } = exchangeOf(job.dialect, job.size, job.format);
  const burst = repeated(request, job.depth);
  const bursts = Array.from({ length: job.depth + 1 }, (_, n) => burst.subarray(0, n * request.length));
  return {
    messageBytes: reply.length,
    window: 0,
    frames: (_first, count) => bursts[count]!,
    counter: hasPositions(job.dialect)
      ? () => new FrameCounter(payload(job.size, job.format))
      : () => new AnswerCounter(reply),
  };
}

function variedTraffic(job: Job): Traffic {
  const messages = variedMessages(job.size, job.depth, job.compressed);
  return {
    messageBytes: job.size,
    window: job.compressed ? Math.min(job.size, 2 ** 15) : 0,
    frames: messages.frames,
    counter: (first) => new VariedCounter(messages, job.compressed, first),
  };
}
