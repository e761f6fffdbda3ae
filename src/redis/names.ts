import { ownText } from "../util/own-text.ts";
import { COMMON, TAGS, partitionOf } from "./partitions.ts";

/** A channel of a topic. */
export interface TopicChannel {
  /** The topic. */
  readonly topic: string;
  /** The partition of the topic. */
  readonly partition: number;
  /** The name of the channel. */
  readonly channel: string;
}

/** The names that each message of a topic needs. */
interface TopicNames {
  readonly channel: TopicChannel;
  readonly history: readonly [stream: string, meta: string];
}

/** Topics whose names are known. To make them for each message takes longer than to look them up. */
const MAX_KNOWN = 10_000;

/**
 * The names of all keys and channels. The hash tag comes first, so braces in the name of a topic do no harm.
 *
 * | name | type | holds |
 * |---|---|---|
 * | `P:{k}:h:<topic>` | stream | the messages, by their number |
 * | `P:{k}:m:<topic>` | hash | `e` epoch, `s` number and `t` id of the newest message, `x` milliseconds until it expires, `f` the numbers of the newest markers |
 * | `P:{k}:l:<node>:<topic>` | string | the number of the link with which a node has tried again: it expires |
 * | `P:{k}:i:<topic>\0<id>` | string | the epoch, the id and the number of the message with an id of the application |
 * | `P:{k}:w:<topic>` | hash | node and connection → member |
 * | `P:{k}:n:<topic>` | hash | `i<id>` and `c<node>` → connections; `s` the last number of a row |
 * | `P:{k}:t:<node>` | set | the topics of a partition in which a node has members |
 * | `P:{0}:nodes` | sorted set | node → the end of its lease, by the clock of Redis |
 * | `P:{0}:rules` | string | the rules of topics with history of the node that was started last |
 * | `P:{0}:reap:<node>` | string | who removes what an expired node has left |
 * | `P:{k}:c:<topic>`, `P:{0}:all`, `P:{k}:x:<node>` | channels | packets of a topic; for all nodes; probes |
 */
export class Names {
  readonly #prefix: string;
  readonly #known = new Map<string, TopicNames>();

  /** @param prefix has no braces */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** The leases of all nodes. */
  get nodes(): string {
    return `${this.#start(COMMON)}nodes`;
  }

  /** The rules of topics with history. */
  get rules(): string {
    return `${this.#start(COMMON)}rules`;
  }

  /** The channel for all nodes. */
  get all(): string {
    return `${this.#start(COMMON)}all`;
  }

  /** Who removes what a node has left. */
  reaper(node: string): string {
    return `${this.#start(COMMON)}reap:${node}`;
  }

  /** The messages of a topic, and its newest one. */
  history(topic: string): readonly [stream: string, meta: string] {
    return this.#namesOf(topic).history;
  }

  /** A message with an id of the application. */
  message(topic: string, id: string): string {
    return `${this.#start(partitionOf(topic))}i:${topic}\0${id}`;
  }

  /** The link with which a node has tried again to store messages of a topic. A node has 8 characters. */
  retries(topic: string, node: string): string {
    return `${this.#start(partitionOf(topic))}l:${node}:${topic}`;
  }

  /** The members of a topic, their numbers, and the topics of a node. */
  presence(topic: string, node: string): readonly [rows: string, counts: string, topics: string] {
    const partition = partitionOf(topic);
    const start = this.#start(partition);
    return [`${start}w:${topic}`, `${start}n:${topic}`, this.topics(partition, node)];
  }

  /** The topics of a partition in which a node has members. */
  topics(partition: number, node: string): string {
    return `${this.#start(partition)}t:${node}`;
  }

  /** The channel of a topic. */
  channel(topic: string): TopicChannel {
    return this.#namesOf(topic).channel;
  }

  /** The channel for the probes of a node. */
  probe(partition: number, node: string): string {
    return `${this.#start(partition)}x:${node}`;
  }

  #namesOf(topic: string): TopicNames {
    const known = this.#known.get(topic);
    if (known !== undefined) return known;
    const own = ownText(topic);
    const partition = partitionOf(own);
    const start = this.#start(partition);
    const names: TopicNames = {
      channel: { topic: own, partition, channel: `${start}c:${own}` },
      history: [`${start}h:${own}`, `${start}m:${own}`],
    };
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    this.#known.set(own, names);
    return names;
  }

  #start(partition: number): string {
    return `${this.#prefix}:{${String(TAGS[partition])}}:`;
  }
}
