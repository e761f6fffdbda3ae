import { HawserError } from "../errors/errors.ts";
import type { Backlog, CommandConnection } from "./command-connection.ts";
import type { RedisLibrary } from "./connection.ts";
import type { Names, TopicChannel } from "./names.ts";
import { Pair } from "./pair.ts";
import { COMMON } from "./partitions.ts";
import { MAX_TICKS } from "./pending-calls.ts";

/** What a link needs to know. */
export interface LinkOptions {
  /** Makes the connections. */
  readonly library: RedisLibrary;
  /** The names of channels. */
  readonly names: Names;
  /** The node. */
  readonly node: string;
  /** Counts the bytes of commands without an answer. */
  readonly backlog: Backlog;
  /** A message has come. */
  readonly onMessage: (channel: Buffer, message: Buffer) => void;
}

/**
 * The connections of a node to all servers, from their beginning to the first failure of one of them. They are never repaired: all are
 * made anew. So each client library does the same, nothing is sent twice, and every loss is known.
 */
export class Link {
  /** Settles when it has ended, with the reason. */
  readonly ended: Promise<unknown>;
  /** Each link of a node has a higher number than the one before it. */
  readonly number: number;
  /** The command that publishes. */
  readonly publish: "publish" | "spublish";
  readonly #options: LinkOptions;
  readonly #abort = new AbortController();
  readonly #pairs: Pair[] = [];
  readonly #byPartition = new Map<number, Pair>();
  #tellEnd: (reason: unknown) => void = () => undefined;
  /** Ticks while servers are searched for. */
  #ticks = 0;
  #isSearching = true;
  #hasEnded = false;

  constructor(options: LinkOptions, number: number) {
    this.#options = options;
    this.number = number;
    this.publish = options.library.isCluster ? "spublish" : "publish";
    this.ended = new Promise((resolve) => {
      this.#tellEnd = resolve;
    });
  }

  /** Whether it has ended. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Connects. It rejects if that fails. */
  async open(): Promise<void> {
    const { library, names } = this.#options;
    const masters = await library.findMasters(this.#abort.signal);
    this.#isSearching = false;
    if (this.#hasEnded) throw new HawserError("HWS_BACKPLANE_AWAY");
    for (const master of masters) {
      const pair = new Pair(master, this.#pairOptions(master.partitions[0] ?? 0));
      this.#pairs.push(pair);
      for (const partition of master.partitions) this.#byPartition.set(partition, pair);
    }
    await Promise.all(this.#pairs.map((pair) => pair.open()));
    await this.#pair(COMMON).subscribe([names.all]);
  }

  /**
   * The connection for the commands of a partition.
   *
   * @throws {HawserError} HWS_BACKPLANE_AWAY: there is none
   */
  commands(partition: number): CommandConnection {
    return this.#pair(partition).commands;
  }

  /** Subscribes to channels of topics. */
  async subscribe(channels: readonly TopicChannel[]): Promise<void> {
    await Promise.all(this.#groups(channels).map(([pair, names]) => pair.subscribe(names)));
  }

  /** Ends subscriptions. */
  async unsubscribe(channels: readonly TopicChannel[]): Promise<void> {
    await Promise.all(this.#groups(channels).map(([pair, names]) => pair.unsubscribe(names)));
  }

  /** Proves that all servers answer, and that messages come from all of them. */
  async probe(): Promise<void> {
    await Promise.all(this.#pairs.map((pair) => pair.probe()));
  }

  /** About a second has passed. It ends if a call has waited too long. */
  tick(): void {
    const isLate = this.#pairs.map((pair) => pair.tick()).some(Boolean);
    if (isLate || (this.#isSearching && ++this.#ticks >= MAX_TICKS)) this.end(new Error("Redis does not answer"));
  }

  /** Settles when there is no call without an answer. */
  async idle(): Promise<void> {
    await Promise.all(this.#pairs.map(({ commands }) => commands.idle()));
  }

  /** Ends all connections. */
  readonly end = (reason: unknown): void => {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#abort.abort();
    for (const pair of this.#pairs) pair.end();
    this.#tellEnd(reason);
  };

  #pairOptions(partition: number): ConstructorParameters<typeof Pair>[1] {
    const { names, node, backlog, onMessage } = this.#options;
    const events = { onMessage, onEnd: this.end };
    return { probe: names.probe(partition, node), publish: this.publish, backlog, events };
  }

  #pair(partition: number): Pair {
    const pair = this.#byPartition.get(partition);
    if (pair === undefined || this.#hasEnded) throw new HawserError("HWS_BACKPLANE_AWAY");
    return pair;
  }

  /** In a cluster one command has the channels of one slot only. */
  #groups(channels: readonly TopicChannel[]): (readonly [Pair, string[]])[] {
    const groups = new Map<number, string[]>();
    for (const { partition, channel } of channels) {
      const group = this.#options.library.isCluster ? partition : COMMON;
      const names = groups.get(group);
      if (names === undefined) groups.set(group, [channel]);
      else names.push(channel);
    }
    return Array.from(groups, ([partition, names]) => [this.#pair(partition), names]);
  }
}
