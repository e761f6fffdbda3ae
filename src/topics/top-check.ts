import type { Driver, Mark, Top } from "../backplane/contract.ts";
import { hasCode } from "../errors/errors.ts";
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

/** What is told of a check. */
export interface CheckListener {
  /** A topic has nothing left that it has missed. */
  onChecked(topic: CheckedTopic): void;
  /** A topic could not be read, or the broker could not tell of some: they are not checked. */
  onFailed(error: unknown): void;
}

/**
 * Reads what topics have missed. The broker is asked for the newest messages first, of many topics with one call, and only topics that
 * have missed something, or of which it cannot tell, are read: after each reconnect all topics are checked. Whatever fails with one of them
 * keeps no other from being checked.
 *
 * @returns rejects when the broker is away: all are checked when it is back
 */
export async function checkTops(
  driver: Pick<Driver, "tops">,
  topics: readonly CheckedTopic[],
  listener: CheckListener,
): Promise<void> {
  for (let start = 0; start < topics.length; start += MAX_CHECKED) {
    try {
      await checkSome(driver, topics.slice(start, start + MAX_CHECKED), listener);
    } catch (error) {
      throwIfAway(error);
      listener.onFailed(error);
    }
  }
}

async function checkSome(
  driver: Pick<Driver, "tops">,
  topics: readonly CheckedTopic[],
  listener: CheckListener,
): Promise<void> {
  const asked = topics.map(({ last }) => last);
  // A topic that was not read yet has missed nothing.
  const known = topics.filter((_, i) => asked[i] !== NOWHERE);
  const tops = await driver.tops(known.map(({ topic }) => topic));
  const topOf = new Map(known.map((topic, i) => [topic, tops[i]]));
  // A message that came meanwhile was the next one: else the topic reads by itself.
  const isChecked = (topic: CheckedTopic, i: number): boolean =>
    topic.last !== asked[i] || !topOf.has(topic) || isTop(topic.last, topOf.get(topic));
  const missed: CheckedTopic[] = [];
  for (const [i, topic] of topics.entries()) {
    if (isChecked(topic, i)) listener.onChecked(topic);
    else missed.push(topic);
  }
  await readAll(missed, listener);
}

function isTop(last: Mark, top: Top): boolean {
  return top !== undefined && top !== null && isSameMark(top, last);
}

async function readAll(topics: readonly CheckedTopic[], listener: CheckListener): Promise<void> {
  // All readers take the next topic from the same list.
  const left = topics.values();
  const read = async (): Promise<void> => {
    for (const topic of left) {
      try {
        await topic.sync();
        listener.onChecked(topic);
      } catch (error) {
        throwIfAway(error);
        listener.onFailed(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(MAX_READS, topics.length) }, read));
}

function throwIfAway(error: unknown): void {
  if (hasCode(error, "HWS_BACKPLANE_AWAY")) throw error;
}
