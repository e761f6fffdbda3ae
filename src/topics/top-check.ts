import type { Driver, Mark } from "../backplane/contract.ts";
import { NOWHERE, isSameMark } from "./chain.ts";

/** Topics of one call that asks for their newest messages: with 4,096 all of 50,000 are not checked sooner, and the event loop stands still for longer. */
const MAX_CHECKED = 512;

/** Topics that are read at the same time. */
const MAX_READS = 64;

/** A topic that may have missed messages. */
export interface CheckedTopic {
  /** Its name. */
  readonly topic: string;
  /** The newest message that this process has seen: another object after each message. */
  readonly last: Mark;
  /** Reads from the broker what this process has missed. */
  sync(): Promise<void>;
}

/**
 * Reads what topics have missed. The broker is asked for the newest messages first, of many topics with one call, and only topics that
 * have missed something are read: after each reconnect all topics are checked.
 *
 * @param onFailed is told of a topic that could not be read. Rejects when the broker is away: all are checked when it is back
 */
export async function checkTops(
  driver: Pick<Driver, "tops">,
  topics: readonly CheckedTopic[],
  onFailed: (error: unknown) => void,
): Promise<void> {
  for (let start = 0; start < topics.length; start += MAX_CHECKED) {
    // A topic that was not read yet has missed nothing.
    const some = topics.slice(start, start + MAX_CHECKED).filter(({ last }) => last !== NOWHERE);
    const asked = some.map(({ last }) => last);
    const tops = await driver.tops(some.map(({ topic }) => topic));
    // A message that came meanwhile was the next one: else the topic reads by itself.
    const missed = some.filter(({ last }, i) => last === asked[i] && !isTop(last, tops[i]));
    await readAll(missed, onFailed);
  }
}

function isTop(last: Mark, top: Mark | undefined): boolean {
  return top !== undefined && isSameMark(top, last);
}

async function readAll(topics: readonly CheckedTopic[], onFailed: (error: unknown) => void): Promise<void> {
  // All readers take the next topic from the same list.
  const left = topics.values();
  const read = async (): Promise<void> => {
    for (const topic of left) {
      try {
        await topic.sync();
      } catch (error) {
        if ((error as { code?: unknown }).code === "HWS_BACKPLANE_AWAY") throw error;
        onFailed(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(MAX_READS, topics.length) }, read));
}
