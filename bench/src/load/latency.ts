import { performance } from "node:perf_hooks";
import type { Client } from "./client.ts";
import type { Job, Latency } from "./job.ts";

/** A histogram of times in whole microseconds up to six seconds. Longer times count as six seconds. */
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
 * Sends at a fixed rate. The time of an answer starts when its message was due, not when it was sent. So every message that
 * waited because the server was blocked has its full latency (no coordinated omission).
 */
export class Latencies {
  readonly #gap: number;
  readonly #answered = new Histogram();
  readonly #late = new Histogram();
  /** For each connection, the due times of the messages without an answer. Answers arrive in order. */
  readonly #due = new Map<Client, number[]>();

  constructor(job: Job) {
    this.#gap = 1000 / job.rate;
  }

  /**
   * Starts to send, on one connection after the other.
   *
   * @returns a function that stops it
   */
  start(clients: readonly Client[]): () => void {
    for (const client of clients) this.#due.set(client, []);
    const begin = performance.now();
    let sent = 0;
    let sending = true;
    // The loop runs without a pause: a timer would delay every message by up to a millisecond.
    const sendDue = (): void => {
      if (!sending) return;
      const now = performance.now();
      for (let due = begin + sent * this.#gap; due <= now; due = begin + sent * this.#gap) {
        const client = clients[sent % clients.length]!;
        this.#due.get(client)!.push(due);
        this.#late.add(performance.now() - due);
        client.send(1);
        sent++;
      }
      setImmediate(sendDue);
    };
    sendDue();
    return () => (sending = false);
  }

  /** Notes that `count` answers have arrived on a connection. */
  noteAnswers(client: Client, count: number): void {
    const now = performance.now();
    const due = this.#due.get(client)!;
    for (let i = 0; i < count; i++) this.#answered.add(now - due.shift()!);
  }

  /** Clears the measurements of the warm-up. */
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
