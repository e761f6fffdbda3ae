import type { Mark, Page } from "../backplane/contract.ts";
import { lostBy } from "../backplane/fork-marker.ts";
import { markBefore } from "./chain.ts";
import type { RecentMessages } from "./recent-messages.ts";

/** How many messages before the newest one the search for a fork begins. It is four times as many with each further read. */
const FIRST_LOOK = 16;

/** Most topics have no fork: they share one. Nothing is added to it. */
const NOTHING = new Set<never>();

/**
 * What is known of the forks of a topic: places where its broker has lost messages that somebody had seen, and has gone on another way. The
 * process that finds one stores a marker after it, for those who have not seen the messages.
 */
export class Forks<Receiver> {
  /** The epoch of what follows. */
  #epoch = "";
  /** Whoever resumes from before this number may have missed messages. */
  #until = 0;
  /** The ids of the messages that the broker had lost at the newest fork that was found here. */
  #lost = NOTHING as ReadonlySet<string>;
  /** Those who were told of it. */
  #told = NOTHING as Set<Receiver>;
  #unmarked: string | undefined;

  /** The newest message that was lost, while no marker of it was seen; undefined: there is nothing to do. */
  get unmarked(): string | undefined {
    return this.#unmarked;
  }

  /**
   * A fork was found.
   *
   * @param at the newest message that was not lost
   * @param lost the ids of those that were, the newest one last
   * @param told those who are told
   */
  onFork({ epoch, offset }: Mark, lost: readonly string[], told: Iterable<Receiver>): void {
    this.#epoch = epoch;
    this.#until = offset + 1;
    this.#lost = new Set(lost);
    this.#told = new Set(told);
    this.#unmarked = lost.at(-1);
  }

  /** A page was read: notes the markers in it, and the newest one of the history. */
  onPage({ epoch, fork, entries }: Page): void {
    if (fork !== undefined) this.onMarker({ epoch, offset: fork });
    for (const { offset, record } of entries) {
      const lost = lostBy(record);
      if (lost !== undefined) this.onMarker({ epoch, offset }, lost);
    }
  }

  /** A marker was seen, or is stored. `lost`: what it is about, if that is known. */
  onMarker({ epoch, offset }: Pick<Mark, "epoch" | "offset">, lost?: string): void {
    if (epoch !== this.#epoch) {
      this.clear();
      this.#epoch = epoch;
    }
    this.#until = Math.max(this.#until, offset);
    if (lost === this.#unmarked) this.#unmarked = undefined;
  }

  /** Whether whoever resumes from here may have missed messages that were lost. */
  isAcross({ epoch, offset }: Mark): boolean {
    return epoch === this.#epoch && offset < this.#until;
  }

  /** Whether a receiver was told of the fork that a marker is about. */
  isTold(receiver: Receiver, lost: string): boolean {
    return this.#lost.has(lost) && this.#told.has(receiver);
  }

  /** A receiver joins: what it gets begins after the newest fork that was found here, or it is told that something may be missing. */
  onJoin(receiver: Receiver): void {
    if (this.#lost.size > 0) this.#told.add(receiver);
  }

  /** A receiver has left. */
  delete(receiver: Receiver): void {
    this.#told.delete(receiver);
  }

  /** The history has begun anew. */
  clear(): void {
    this.#until = 0;
    this.#lost = NOTHING;
    this.#told = NOTHING;
    this.#unmarked = undefined;
  }
}

/**
 * Looks for the last message that both a broker and this process know, where the history has gone another way.
 *
 * @param newest the newest message that this process has seen. The broker has lost it
 * @param read reads from the broker what follows a number
 * @returns undefined: the messages that are remembered here do not reach back so far
 */
export async function findFork(
  recent: RecentMessages,
  newest: Mark,
  read: (after: number) => Promise<Page>,
): Promise<Mark | undefined> {
  const { first } = recent;
  if (first === undefined) return undefined;
  const lowest = first.offset - 1;
  for (let back = FIRST_LOOK; ; back *= 4) {
    const after = Math.max(newest.offset - back, lowest);
    const found = await lastKnown(recent, { ...newest, offset: after }, read);
    if (found !== undefined || after === lowest) return found;
  }
}

/** The last message after `from.offset`, or that message itself, up to which both know all. */
async function lastKnown(
  recent: RecentMessages,
  from: Mark,
  read: (after: number) => Promise<Page>,
): Promise<Mark | undefined> {
  const isKnown = (mark: Mark): boolean => recent.knows(mark, performance.now());
  let known: Mark | undefined;
  for (;;) {
    const { epoch, top, entries } = await read(known?.offset ?? from.offset);
    if (epoch !== from.epoch) return undefined;
    // The broker has no more, or not any more.
    const [first] = entries;
    if (first === undefined) return isKnown(top) ? top : known;
    known ??= markBefore(epoch, first);
    if (!isKnown(known)) return undefined;
    for (const { offset, id } of entries) {
      const mark = { epoch, offset, id };
      if (!isKnown(mark)) return known;
      known = mark;
    }
  }
}
