import { HawserError } from "../errors/errors.ts";
import type { Bytes } from "../protocol/bytes.ts";
import type {
  AppendOptions,
  Appended,
  Beat,
  Driver,
  DriverHost,
  HistoryRule,
  Mark,
  MemberList,
  Page,
  PresentMember,
} from "./contract.ts";
import type { MemoryBroker } from "./memory-broker.ts";
import { ruleMismatch } from "./rule-mismatch.ts";
import { MemoryInbox } from "./memory-inbox.ts";

/** The calls of one server to a broker in this process. All of them are done when they return. */
export class MemoryDriver implements Driver {
  readonly name = "memory";
  /** Bundling gains nothing here. `append` takes any number. */
  readonly maxBatch = 1;
  readonly keepsPackets = true;
  readonly #broker: MemoryBroker;
  #host: DriverHost | undefined;
  #inbox: MemoryInbox | undefined;

  constructor(broker: MemoryBroker) {
    this.#broker = broker;
  }

  get hasPeers(): boolean {
    return this.#broker.size > 1;
  }

  open(host: DriverHost, node: string): Promise<void> {
    if (this.#host !== undefined) return Promise.reject(new HawserError("HWS_BACKPLANE_AWAY"));
    this.#host = host;
    this.#inbox = new MemoryInbox(node, host);
    const others = this.#broker.add(this.#inbox);
    const mismatch = others === undefined ? undefined : ruleMismatch(host.rules, others);
    // The server is just being made.
    if (mismatch !== undefined) queueMicrotask(() => host.onFailed("read", mismatch));
    host.onStatus("ready");
    return Promise.resolve();
  }

  send(topic: string | undefined, packet: Bytes): boolean {
    if (this.#inbox === undefined) return false;
    this.#broker.send(topic, packet, this.#inbox);
    return true;
  }

  listen(add: readonly string[], remove: readonly string[]): Promise<void> {
    return this.#call((inbox) => inbox.listen(add, remove));
  }

  append(topic: string, rule: HistoryRule, records: readonly Bytes[], options: AppendOptions = {}): Promise<Appended> {
    return this.#call((inbox) => this.#broker.append(inbox, { topic, rule, records, options }));
  }

  read(topic: string, rule: HistoryRule, after: number): Promise<Page> {
    return this.#call(() => this.#broker.store.read(topic, rule, after));
  }

  tops(topics: readonly string[]): Promise<readonly (Mark | undefined)[]> {
    return this.#call(() => topics.map((topic) => this.#broker.store.top(topic)));
  }

  join(
    topic: string,
    connection: number,
    { id, data }: Omit<PresentMember, "connections">,
    isQuiet: boolean,
  ): Promise<void> {
    return this.#call(({ node }) => this.#broker.join(topic, { node, connection, id, data }, isQuiet));
  }

  leave(topic: string, connection: number): Promise<void> {
    return this.#call((inbox) => this.#broker.leave(inbox, topic, connection));
  }

  members(topic: string, limit: number): Promise<MemberList> {
    return this.#call(() => this.#broker.members(topic, limit));
  }

  beat(): Promise<Beat> {
    return this.#call(() => this.#broker.beat());
  }

  reap(node: string): Promise<void> {
    return this.#call(() => this.#broker.reap(node));
  }

  close(): Promise<void> {
    const inbox = this.#inbox;
    if (inbox === undefined) return Promise.resolve();
    this.#inbox = undefined;
    inbox.close();
    this.#broker.remove(inbox);
    this.#host?.onStatus("closed");
    return Promise.resolve();
  }

  /** What `run` throws, the promise rejects with. */
  #call<Result>(run: (inbox: MemoryInbox) => Result): Promise<Result> {
    const inbox = this.#inbox;
    return new Promise((resolve) => {
      if (inbox === undefined) throw new HawserError("HWS_BACKPLANE_AWAY");
      resolve(run(inbox));
    });
  }
}
