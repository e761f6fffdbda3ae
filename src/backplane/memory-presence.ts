import type { MemberList, PresentMember } from "./contract.ts";

/** A connection that is listed. */
export interface PresenceRow {
  /** Its node. */
  readonly node: string;
  /** Its number on this node. */
  readonly connection: number;
  /** Who it is. */
  readonly id: string;
  /** What the application tells about him, as JSON. */
  readonly data: string | undefined;
}

/** Who is present in which topic. Rows belong to nodes, and stay until they leave or their node is reaped. */
export class MemoryPresence {
  /** Topic, id, the connections in the order in which they came. */
  readonly #byTopic = new Map<string, Map<string, Set<PresenceRow>>>();
  /** Node, topic, connection. */
  readonly #byNode = new Map<string, Map<string, Map<number, PresenceRow>>>();

  /** Whether a node has rows. */
  has(node: string): boolean {
    return this.#byNode.has(node);
  }

  /** Adds a connection. Returns whether it is the first one of its id. */
  join(topic: string, row: PresenceRow): boolean {
    const { node, connection, id } = row;
    const topics = getOrAdd(this.#byNode, node, () => new Map<string, Map<number, PresenceRow>>());
    const connections = getOrAdd(topics, topic, () => new Map<number, PresenceRow>());
    if (connections.has(connection)) return false;
    connections.set(connection, row);
    const ids = getOrAdd(this.#byTopic, topic, () => new Map<string, Set<PresenceRow>>());
    return getOrAdd(ids, id, () => new Set<PresenceRow>()).add(row).size === 1;
  }

  /** Removes a connection. Returns the member if it was the last one of its id. */
  leave(topic: string, node: string, connection: number): PresentMember | undefined {
    const topics = this.#byNode.get(node);
    const connections = topics?.get(topic);
    const row = connections?.get(connection);
    if (topics === undefined || connections === undefined || row === undefined) return undefined;
    connections.delete(connection);
    if (connections.size === 0) topics.delete(topic);
    if (topics.size === 0) this.#byNode.delete(node);
    return this.#remove(topic, row) ? { id: row.id, data: row.data, connections: 0 } : undefined;
  }

  /** Removes all rows of a node, and tells `onGone` of each member that is gone with them. */
  reap(node: string, onGone: (topic: string, member: PresentMember) => void): void {
    for (const [topic, connections] of this.#byNode.get(node) ?? []) {
      for (const connection of connections.keys()) {
        const gone = this.leave(topic, node, connection);
        if (gone !== undefined) onGone(topic, gone);
      }
    }
  }

  /** Who is present, in the order in which they came. Connections of nodes that are not alive do not count. */
  members(topic: string, limit: number, isAlive: (node: string) => boolean): MemberList {
    const members: PresentMember[] = [];
    let total = 0;
    for (const [id, rows] of this.#byTopic.get(topic) ?? []) {
      let connections = 0;
      let data: string | undefined;
      for (const row of rows) {
        if (!isAlive(row.node)) continue;
        connections++;
        data = row.data;
      }
      if (connections > 0 && total++ < limit) members.push({ id, data, connections });
    }
    return { total, members };
  }

  /** Removes all rows of all nodes. */
  clear(): void {
    this.#byTopic.clear();
    this.#byNode.clear();
  }

  /** Returns whether it was the last one of its id. */
  #remove(topic: string, row: PresenceRow): boolean {
    const ids = this.#byTopic.get(topic);
    const rows = ids?.get(row.id);
    if (ids === undefined || rows?.delete(row) !== true || rows.size > 0) return false;
    ids.delete(row.id);
    if (ids.size === 0) this.#byTopic.delete(topic);
    return true;
  }
}

function getOrAdd<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
