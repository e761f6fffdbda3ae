import type {
  AppendOptions,
  Appended,
  Beat,
  Driver,
  DriverHost,
  HistoryRule,
  MemberList,
  Page,
  PresentMember,
  Top,
} from "../backplane/contract.ts";
import { startSafely } from "../util/attempt.ts";
import { HawserError } from "../errors/errors.ts";
import type { Bytes } from "../protocol/bytes.ts";
import type { RedisLibrary } from "./connection.ts";
import { RedisNode } from "./redis-node.ts";

/** The calls of one server to Redis. */
export class RedisDriver implements Driver {
  readonly name = "redis";
  readonly maxBatch = 256;
  /** They are views of what the socket has read: whoever keeps one would keep 64 KiB. */
  readonly keepsPackets = false;
  readonly hasPeers = true;
  readonly #library: RedisLibrary;
  readonly #prefix: string;
  #node: RedisNode | undefined;
  #closing: Promise<void> | undefined;

  constructor(library: RedisLibrary, prefix: string) {
    this.#library = library;
    this.#prefix = prefix;
  }

  open(host: DriverHost, node: string): Promise<void> {
    if (this.#node !== undefined || this.#closing !== undefined)
      return Promise.reject(new HawserError("HWS_BACKPLANE_AWAY"));
    this.#node = new RedisNode({ library: this.#library, prefix: this.#prefix, host, node });
    this.#node.open();
    return Promise.resolve();
  }

  send(topic: string | undefined, packet: Bytes): boolean {
    return this.#node?.send(topic, packet) ?? false;
  }

  listen(add: readonly string[], remove: readonly string[]): Promise<void> {
    return this.#call((node) => node.subscriptions.listen(add, remove));
  }

  append(topic: string, rule: HistoryRule, records: readonly Bytes[], options: AppendOptions = {}): Promise<Appended> {
    return this.#call(({ history, link }) => history.append(link, topic, rule, records, options));
  }

  read(topic: string, rule: HistoryRule, after: number): Promise<Page> {
    return this.#call(({ history, link }) => history.read(link, topic, rule, after));
  }

  tops(topics: readonly string[]): Promise<readonly Top[]> {
    return this.#call(({ history, link }) => history.tops(link, topics));
  }

  join(topic: string, connection: number, member: Omit<PresentMember, "connections">, isQuiet: boolean): Promise<void> {
    return this.#call(({ presence, link }) => presence.join(link, topic, connection, member, isQuiet));
  }

  leave(topic: string, connection: number): Promise<void> {
    return this.#call(({ presence, link }) => presence.leave(link, topic, connection));
  }

  members(topic: string, limit: number): Promise<MemberList> {
    return this.#call(({ presence, link }) => presence.members(link, topic, limit));
  }

  beat(isEnding = false): Promise<Beat> {
    return this.#call((node) => node.beat(isEnding));
  }

  reap(node: string): Promise<void> {
    return this.#call(({ presence, link }) => presence.reap(link, node));
  }

  close(over: Promise<void>): Promise<void> {
    return (this.#closing ??= this.#node?.close(over) ?? Promise.resolve());
  }

  /** What `run` throws, the promise rejects with. */
  #call<Result>(run: (node: RedisNode) => Promise<Result>): Promise<Result> {
    const node = this.#node;
    return node === undefined ? Promise.reject(new HawserError("HWS_BACKPLANE_AWAY")) : startSafely(() => run(node));
  }
}
