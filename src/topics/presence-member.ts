/** Somebody who is present in a topic. */
export interface PresenceMember {
  /** Your name for somebody: one member for each, with any number of connections. */
  readonly id: string;
  /** What was told about him, by the newest connection; undefined: nothing. */
  readonly data: unknown;
  /** His connections, on all servers. In `onJoin` 1, in `onLeave` 0. */
  readonly connections: number;
}

/** The event of `onJoin` and `onLeave`, of a server's handler and of a client with topics. */
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
