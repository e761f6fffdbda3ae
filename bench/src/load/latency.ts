import { performance } from "node:perf_hooks";
import type { Client } from "./client.ts";
import type { Job, Latency } from "./job.ts";

/** Counts of whole microseconds up to a tenth of a minute; what is longer counts as that. */
class Histogram {
  readonly #buckets = new Uint32Array(6_000_000);
  #total = 0;

  add(milliseconds: number): void {
    const index = Math.min(this.#buckets.length - 1, Math.max(0, Math.round(milliseconds * 1000)));
    this.#buckets[index]!++;
    this.#total++;
  }

  quantile(q: number): number {
    let seen = 0;
    for (let i = 0; i < this.#buckets.length; i++) {
      seen += this.#buckets[i]!;
      if (seen >= q * this.#total) return i;
    }
    return 0;
  }

  clear(): void {
    this.#buckets.fill(0);
    this.#total = 0;
  }
}

/**
 * Sends at a fixed rate and times each answer from the moment its message was due, not from when it was sent: a server
 * that stalls is charged for every message that had to wait (no coordinated omission).
 */
export class Latencies {
  readonly #gap: number;
  readonly #answered = new Histogram();
  readonly #late = new Histogram();
  /** Per connection, when each message that has no answer yet was due. Answers come in order. */
  readonly #due = new Map<Client, number[]>();

  constructor(job: Job) {
    this.#gap = 1000 / job.rate;
  }

  /**
   * Begins to send, to one connection after the other.
   *
   * @returns how to stop
   */
  drive(clients: readonly Client[]): () => void {
    for (const client of clients) this.#due.set(client, []);
    const begin = performance.now();
    let sent = 0;
    let driving = true;
    // The loop spins: a timer would add up to a millisecond of its own to every message.
    const spin = (): void => {
      if (!driving) return;
      const now = performance.now();
      for (let due = begin + sent * this.#gap; due <= now; due = begin + sent * this.#gap) {
        const client = clients[sent % clients.length]!;
        this.#due.get(client)!.push(due);
        this.#late.add(performance.now() - due);
        client.send(1);
        sent++;
      }
      setImmediate(spin);
    };
    spin();
    return () => (driving = false);
  }

  /** `count` answers have come on a connection. */
  arrived(client: Client, count: number): void {
    const now = performance.now();
    const due = this.#due.get(client)!;
    for (let i = 0; i < count; i++) this.#answered.add(now - due.shift()!);
  }

  /** Forgets the warm-up. */
  clear(): void {
    this.#answered.clear();
    this.#late.clear();
  }

  /** The quantiles since {@link clear}. */
  summary(): Latency {
    return {
      p50: this.#answered.quantile(0.5),
      p99: this.#answered.quantile(0.99),
      p999: this.#answered.quantile(0.999),
      sentLateP99: this.#late.quantile(0.99),
    };
  }
}
