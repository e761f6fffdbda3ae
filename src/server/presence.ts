import type { MemberList } from "../backplane/contract.ts";
import { type Range, readNumber } from "../util/number-range.ts";
import { checkOptionNames } from "./option-names.ts";

/** Somebody who is present in a topic. */
export interface PresenceMember {
  /** Your name for somebody: one member for each, with any number of connections. */
  readonly id: string;
  /** What was told about him, by the newest connection; undefined: nothing. */
  readonly data: unknown;
  /** His connections, on all servers. In `onJoin` 1, in `onLeave` 0. */
  readonly connections: number;
}

/** What `wss.presence` gives. */
export interface PresenceList {
  /** How many members there are. */
  readonly total: number;
  /** Those that have come first, at most `limit`. */
  readonly members: readonly PresenceMember[];
}

/** The event of a server handler's `onJoin` and `onLeave`. */
export interface WSPresenceEvent {
  /** `"join"`: the first connection of an id has come. `"leave"`: the last one has gone. */
  readonly type: "join" | "leave";
  /** The topic. */
  readonly topic: string;
  /** Who it is. */
  readonly member: PresenceMember;
}

/** Reads a member from the JSON of a record; undefined: it is none. */
export function readMember(text: string): PresenceMember | undefined {
  try {
    const { id, data, connections } = JSON.parse(text) as Record<string, unknown>;
    return typeof id === "string" && typeof connections === "number" ? { id, data, connections } : undefined;
  } catch {
    return undefined;
  }
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

/** The list as the application gets it. */
export async function presenceList(list: Promise<MemberList>): Promise<PresenceList> {
  const { total, members } = await list;
  return {
    total,
    members: members.map(({ id, data, connections }) => ({
      id,
      data: data === undefined ? undefined : (JSON.parse(data) as unknown),
      connections,
    })),
  };
}
