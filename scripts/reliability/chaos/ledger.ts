/** What has become of a message that was published. */
export type Fate =
  /** There is no answer yet. */
  | "pending"
  /** `publish` has resolved. */
  | "accepted"
  /** The node, or the connection to it, was lost before the answer. */
  | "unanswered"
  /** `HWS_PUBLISH_UNCERTAIN`. */
  | "uncertain"
  /** Rejected with another error: it is certain that it is not stored. */
  | "rejected";

/** A message that was published. */
export interface Sent {
  readonly lane: number;
  readonly number: number;
  /** As `performance.now()`. */
  readonly at: number;
  fate: Fate;
}

const UNCERTAIN = "HWS_PUBLISH_UNCERTAIN";

/** Numbers of one lane. A code is one number for a lane and a number in it. */
const LANE_SIZE = 2 ** 24;

/** One number for a message. */
export function codeOf(lane: number, number: number): number {
  return lane * LANE_SIZE + number;
}

/** The lane of a code. */
export function laneOf(code: number): number {
  return Math.floor(code / LANE_SIZE);
}

/**
 * All messages that were published. A lane is one connection of one publisher: within it the order is certain. A publisher that has lost its
 * connection goes on in a new lane.
 */
export class Ledger {
  /** The messages of each topic, in the order of the calls. */
  readonly byTopic = new Map<string, Sent[]>();
  /** The rejections by their codes. */
  readonly failures: Record<string, number> = {};
  /** The longest time from a call of `publish` to a subscriber, in milliseconds. */
  slowest = 0;
  readonly #byCode = new Map<number, Sent>();
  #lanes = 0;
  #pending = 0;

  /** Messages without an answer. */
  get pending(): number {
    return this.#pending;
  }

  /** All messages. */
  get size(): number {
    return this.#byCode.size;
  }

  /** Begins a lane. */
  newLane(): number {
    return this.#lanes++;
  }

  /** A message is published. */
  add(topic: string, lane: number, number: number): void {
    const sent: Sent = { lane, number, at: performance.now(), fate: "pending" };
    this.#byCode.set(codeOf(lane, number), sent);
    this.#pending++;
    const list = this.byTopic.get(topic);
    if (list === undefined) this.byTopic.set(topic, [sent]);
    else list.push(sent);
  }

  /** The answer: "ok", or the code of an error. */
  answer(code: number, answer: string): void {
    const sent = this.#byCode.get(code);
    if (sent?.fate !== "pending") return;
    this.#pending--;
    if (answer !== "ok") this.failures[answer] = (this.failures[answer] ?? 0) + 1;
    sent.fate = answer === "ok" ? "accepted" : answer === UNCERTAIN ? "uncertain" : "rejected";
  }

  /** The connection of a lane is lost: there will be no more answers. */
  endLane(lane: number): void {
    for (const sent of this.#byCode.values()) {
      if (sent.lane !== lane || sent.fate !== "pending") continue;
      sent.fate = "unanswered";
      this.#pending--;
    }
  }

  /** A subscriber has got a message. */
  note(code: number): void {
    const sent = this.#byCode.get(code);
    if (sent !== undefined) this.slowest = Math.max(this.slowest, performance.now() - sent.at);
  }
}
