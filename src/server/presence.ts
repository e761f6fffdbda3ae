import type { MemberList } from "../backplane/contract.ts";
import { type Range, readNumber } from "../util/number-range.ts";
import type { PresenceMember } from "../topics/presence-member.ts";
import { checkOptionNames } from "./option-names.ts";

/** What `wss.presence` gives. */
export interface PresenceList {
  /** How many members there are. */
  readonly total: number;
  /** Those that have come first, at most `limit`. */
  readonly members: readonly PresenceMember[];
}

const LIMIT: Range = { min: 0, default: 1000, max: 100_000, allowsInfinity: false };

/**
 * Reads the option `limit` of `presence`.
 *
 * @throws {InvalidArgumentError} for a value of another type, or another option
 * @throws {OutOfRangeError} for a number out of range
 */
export function readLimit(options: unknown): number {
  if (options === undefined) return LIMIT.default;
  checkOptionNames("presence", options);
  return readNumber("presence: limit", (options as { limit?: unknown }).limit, LIMIT);
}

/**
 * The list as the application gets it.
 *
 * @param onForeign is called for each member whose data are no JSON: somebody else has written them, and the member is left out
 */
export async function presenceList(list: Promise<MemberList>, onForeign: () => void): Promise<PresenceList> {
  const { total, members } = await list;
  const read: PresenceMember[] = [];
  for (const { id, data, connections } of members) {
    try {
      read.push({ id, data: data === undefined ? undefined : (JSON.parse(data) as unknown), connections });
    } catch {
      onForeign();
    }
  }
  return { total: total - members.length + read.length, members: read };
}
