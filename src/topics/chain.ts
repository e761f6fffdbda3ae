import type { Entry, Mark, Page } from "../backplane/contract.ts";
import { NO_ID } from "../backplane/ids.ts";

/** Why messages of a topic may be missing. */
export type GapReason =
  /** The history has begun anew: the broker has lost it. */
  | "reset"
  /** The history continues another way: the broker has lost its newest messages. */
  | "fork"
  /** The oldest messages were removed before they were read. */
  | "trimmed";

/** The mark of a history that was not read yet. */
export const NOWHERE: Mark = Object.freeze({ epoch: "", offset: 0, id: NO_ID });

/** Whether two marks are the same place. */
export function isSameMark(a: Mark, b: Mark): boolean {
  return a.id === b.id && a.offset === b.offset && a.epoch === b.epoch;
}

/** The place directly before a message. */
export function markBefore(epoch: string, { offset, before }: Entry): Mark {
  return { epoch, offset: offset - 1, id: before ?? NO_ID };
}

/**
 * Whether a page continues directly after a mark, which is proved by the ids of the messages as in a chain of commits.
 *
 * @param page what the broker has after `since.offset`
 * @returns undefined: nothing is missing
 */
export function gapAfter(since: Mark, page: Page): GapReason | undefined {
  if (page.epoch !== since.epoch) return "reset";
  if (page.proven !== undefined) return page.proven ? undefined : "trimmed";
  const [first] = page.entries;
  if (first === undefined) {
    if (page.top.id === since.id && page.top.offset === since.offset) return undefined;
    return page.top.offset > since.offset ? "trimmed" : "fork";
  }
  if (first.before === since.id) return undefined;
  return first.offset > since.offset + 1 ? "trimmed" : "fork";
}

/** Where a subscriber goes on after a gap: before the oldest message that is left, or at the newest one. */
export function markAfterGap({ epoch, entries, top }: Page): Mark {
  const [first] = entries;
  return first === undefined ? top : markBefore(epoch, first);
}

/** The earlier one of two marks; the second one if they are of different epochs. */
export function earlier(a: Mark, b: Mark): Mark {
  return a.epoch === b.epoch && a.offset < b.offset ? a : b;
}
