import type { MemberList, PresentMember } from "../backplane/contract.ts";
import { MessageIds, randomName } from "../backplane/ids.ts";
import { memberHead } from "../backplane/member-record.ts";
import { RecordKind } from "../backplane/record.ts";
import type { Link } from "./link.ts";
import type { Names } from "./names.ts";
import { COMMON, PARTITIONS, partitionOf } from "./partitions.ts";
import { scripts } from "./scripts.ts";

/** Milliseconds of a lease. */
const LEASE = "10000";

/** Milliseconds of the last lease of a node that closes: its clients were asked to come back to others within about half of that. */
const LAST_LEASE = "30000";

/** Milliseconds after which another node may remove what an expired one has left, if the first one does not end. */
const CLAIM = "30000";

/** How many fields of a hash one command reads, about. */
const SCAN_COUNT = "512";

/** The partitions of an expired node that are looked at together, which divide all: the event loop must go on. */
const REAPED_AT_ONCE = 16;

/** The rows of an expired node in one topic that are removed together. */
const LEFT_AT_ONCE = 256;

/** The characters of a node in the name of a field. The number of the connection follows. */
const NODE_SIZE = 8;

/** What `beat.lua` tells. */
export interface LeaseState {
  /** 0: our lease was good, 1: it had run out, 2: we had none. */
  readonly state: number;
  /** The nodes that live. */
  readonly alive: readonly string[];
  /** Those whose lease has run out. */
  readonly expired: readonly string[];
}

/** A row of a member. */
interface Row {
  readonly field: string;
  /** 8 characters for the life of the link that has written it. */
  readonly life: string;
  readonly number: number;
  /** Undefined: it is none of ours. */
  readonly id: string | undefined;
  /** JSON; empty: none. */
  readonly data: string;
}

/** Who is present, on a link. */
export class RedisPresence {
  readonly #names: Names;
  readonly #node: string;
  readonly #ids = new MessageIds();
  /** Changes with each link: see `join` in scripts.ts. */
  #life = randomName();
  #hasListed = false;

  constructor(names: Names, node: string) {
    this.#names = names;
    this.#node = node;
  }

  /** The members are about to be listed again, in rows that nobody removes who has begun before. */
  renew(): void {
    this.#life = randomName();
  }

  /** Lists a member: see `Driver.join`. */
  async join(
    link: Link,
    topic: string,
    connection: number,
    { id, data }: Omit<PresentMember, "connections">,
    isQuiet: boolean,
  ): Promise<void> {
    this.#hasListed = true;
    const { channel, partition } = this.#names.channel(topic);
    const head = isQuiet ? "" : memberHead(RecordKind.join, this.#ids.next());
    await link.commands(partition).script({
      script: scripts.join,
      keys: this.#names.presence(topic, this.#node),
      args: [
        this.#node + String(connection),
        this.#life,
        JSON.stringify(id),
        data ?? "",
        topic,
        channel,
        link.publish,
        head,
      ],
    });
  }

  /** Removes a member: see `Driver.leave`. */
  leave(link: Link, topic: string, connection: number): Promise<void> {
    return this.#leave(link, topic, this.#node + String(connection), "");
  }

  /** Who is present: see `Driver.members`. */
  async members(link: Link, topic: string, limit: number): Promise<MemberList> {
    const alive = link.commands(COMMON).script({ script: scripts.alive, keys: [this.#names.nodes], args: [] });
    const [rows] = this.#names.presence(topic, this.#node);
    const [all, names] = await Promise.all([this.#rows(link, topic, rows, "*"), alive]);
    return membersOf(all, new Set([this.#node, ...textsOf(names)]), limit);
  }

  /** Renews the lease. `isEnding`: the node is about to close, and its lease lasts until its members have had time to come back to another node. */
  async beat(link: Link, isEnding = false): Promise<LeaseState> {
    const lease = isEnding && this.#hasListed ? LAST_LEASE : LEASE;
    const call = { script: scripts.beat, keys: [this.#names.nodes], args: [this.#node, lease] };
    const [state, alive, expired] = (await link.commands(COMMON).script(call)) as [number, unknown, unknown];
    return { state, alive: textsOf(alive), expired: textsOf(expired) };
  }

  /** Removes what an expired node has left: see `Driver.reap`. One node does it; if it ends meanwhile, another one does it 30 s later. */
  async reap(link: Link, node: string): Promise<void> {
    const common = link.commands(COMMON);
    const keys = [this.#names.nodes, this.#names.reaper(node)];
    if ((await common.script({ script: scripts.claim, keys, args: [node, this.#node, CLAIM] })) !== 1) return;
    for (let partition = 0; partition < PARTITIONS; partition += REAPED_AT_ONCE) {
      const some = Array.from({ length: REAPED_AT_ONCE }, (_, i) => partition + i);
      const topics = await Promise.all(
        some.map((one) => link.commands(one).command(["smembers", this.#names.topics(one, node)])),
      );
      for (const topic of topics.flatMap(textsOf)) await this.#reapTopic(link, topic, node);
    }
    await common.script({ script: scripts.reaped, keys, args: [node] });
  }

  async #reapTopic(link: Link, topic: string, node: string): Promise<void> {
    const [rows, , topics] = this.#names.presence(topic, node);
    const all = await this.#rows(link, topic, rows, `${node}*`);
    for (let start = 0; start < all.length; start += LEFT_AT_ONCE)
      await Promise.all(
        all.slice(start, start + LEFT_AT_ONCE).map(({ field, life }) => this.#leave(link, topic, field, life)),
      );
    // Usually the last row has removed it.
    if (all.length === 0) await link.commands(partitionOf(topic)).command(["srem", topics, topic]);
  }

  async #leave(link: Link, topic: string, field: string, life: string): Promise<void> {
    const { channel, partition } = this.#names.channel(topic);
    await link.commands(partition).script({
      script: scripts.leave,
      keys: this.#names.presence(topic, field.slice(0, NODE_SIZE)),
      args: [field, life, topic, channel, link.publish, memberHead(RecordKind.leave, this.#ids.next())],
    });
  }

  /** The rows of a topic whose fields fit a pattern. While others change them, Redis may tell one twice. */
  async #rows(link: Link, topic: string, key: string, pattern: string): Promise<Row[]> {
    const rows = new Map<string, Row>();
    const commands = link.commands(partitionOf(topic));
    for (let cursor = "0", isFirst = true; isFirst || cursor !== "0"; isFirst = false) {
      const answer = await commands.command(["hscan", key, cursor, "match", pattern, "count", SCAN_COUNT]);
      const [next, fields] = answer as [Buffer, Buffer[]];
      cursor = next.toString();
      for (let i = 0; i + 1 < fields.length; i += 2) {
        const row = rowOf(String(fields[i]), String(fields[i + 1]));
        if (row !== undefined) rows.set(row.field, row);
      }
    }
    return [...rows.values()];
  }
}

/** A row that is none of ours is left out. */
function rowOf(field: string, value: string): Row | undefined {
  const parts = /^(?<life>.{8})(?<number>\d+)\n(?<json>[^\n]*)\n(?<data>[^]*)$/.exec(value)?.groups;
  if (parts === undefined) return undefined;
  const { life = "", number, json = "", data = "" } = parts;
  return { field, life, number: Number(number), id: textOf(json), data };
}

/** The text in JSON; undefined: it is another value, or no JSON. */
function textOf(json: string): string | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "string" ? value : undefined;
  } catch {
    return undefined;
  }
}

/** In the order in which the ids have come; the data are those of the newest connection. */
function membersOf(rows: readonly Row[], alive: ReadonlySet<string>, limit: number): MemberList {
  const members = new Map<string, PresentMember>();
  for (const { field, id, data } of [...rows].sort((one, two) => one.number - two.number)) {
    if (id === undefined || !alive.has(field.slice(0, NODE_SIZE))) continue;
    const connections = (members.get(id)?.connections ?? 0) + 1;
    members.set(id, { id, data: data === "" ? undefined : data, connections });
  }
  return { total: members.size, members: [...members.values()].slice(0, limit) };
}

function textsOf(list: unknown): string[] {
  return (list as readonly Buffer[]).map(String);
}
