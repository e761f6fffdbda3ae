import type { Bytes } from "../protocol/bytes.ts";
import { Fifo } from "../util/fifo.ts";
import type { DriverHost } from "./contract.ts";

/** A packet that waits. */
interface Waiting {
  readonly topic: string | undefined;
  readonly packet: Bytes;
}

/** The packets for one node: which ones it wants, and those that wait for the end of the turn. */
export class MemoryInbox {
  /** The 8 characters of the node. */
  readonly node: string;
  readonly #host: DriverHost;
  readonly #topics = new Set<string>();
  readonly #waiting = new Fifo<Waiting>();
  #isOpen = true;

  constructor(node: string, host: DriverHost) {
    this.node = node;
    this.#host = host;
  }

  /** The rules of its topics with history. */
  get rules(): string {
    return this.#host.rules;
  }

  /** Changes the set of topics that the node wants. */
  listen(add: readonly string[], remove: readonly string[]): void {
    for (const topic of remove) this.#topics.delete(topic);
    for (const topic of add) this.#topics.add(topic);
  }

  /** Whether the node wants the packets of a topic. Undefined: a packet for all nodes. */
  wants(topic: string | undefined): boolean {
    return this.#isOpen && (topic === undefined || this.#topics.has(topic));
  }

  /** Adds a packet to those that wait. It must never change. */
  push(topic: string | undefined, packet: Bytes): void {
    this.#waiting.push({ topic, packet });
  }

  /** Hands over all packets that wait, in their order: also if one of them causes a call of this method. */
  deliver(): void {
    // What is added meanwhile waits for the next time.
    for (let left = this.#waiting.length; left > 0; left--) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      if (this.wants(next.topic)) this.#deliver(next.topic, next.packet);
    }
  }

  /** Nothing is handed over any more. */
  close(): void {
    this.#isOpen = false;
    this.#topics.clear();
    this.#waiting.clear();
  }

  #deliver(topic: string | undefined, packet: Bytes): void {
    try {
      this.#host.onPacket(topic, packet);
    } catch (error) {
      this.#host.onFailed("decode", error);
    }
  }
}
