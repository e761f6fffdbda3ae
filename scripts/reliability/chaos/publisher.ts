import type { WSMessageEvent } from "hawser";
import { WebSocket } from "hawser/client";
import { type Ledger, codeOf } from "./ledger.ts";

/** What a publisher does. */
export interface PublisherPlan {
  /** The next node to connect to. */
  readonly url: () => string;
  /** The topics, of which each message takes the next. */
  readonly topics: readonly string[];
  /** Messages a second. */
  readonly rate: number;
  /** Characters that make each message longer. */
  readonly padding: number;
}

/** Milliseconds between two bursts. */
const TICK = 20;

/** Publishes numbered messages through a node. Its connection may be lost: then it goes on at another node, with a new lane. */
export class Publisher {
  readonly #plan: PublisherPlan;
  readonly #ledger: Ledger;
  readonly #ws: WebSocket;
  #lane = -1;
  #number = 0;
  #next: number;
  #credit = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(plan: PublisherPlan, ledger: Ledger, first: number) {
    this.#plan = plan;
    this.#ledger = ledger;
    this.#next = first;
    const handler = {
      onOpen: () => {
        this.#lane = ledger.newLane();
        this.#number = 0;
      },
      onMessage: (_ws: unknown, { data }: WSMessageEvent<unknown>) => {
        const [number, answer = ""] = String(data).split(" ");
        ledger.answer(codeOf(this.#lane, Number(number)), answer);
      },
      onReconnecting: () => this.#onLost(),
      onTerminate: () => this.#onLost(),
      onError: () => undefined,
    };
    const reconnect = { baseDelay: 200, maxDelay: 500 };
    this.#ws = new WebSocket(() => `${plan.url()}/?publisher=1`, handler, { reconnect });
  }

  /** Begins to publish. */
  start(): void {
    this.#timer ??= setInterval(() => this.#tick(), TICK);
  }

  /** Publishes no more. Answers may still come. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Ends it. */
  end(): void {
    this.stop();
    this.#ws.destroy();
  }

  #tick(): void {
    const { rate, topics, padding } = this.#plan;
    this.#credit = Math.min(this.#credit + (rate * TICK) / 1000, rate);
    if (this.#lane < 0) return;
    for (; this.#credit >= 1; this.#credit--) {
      const topic = topics[this.#next++ % topics.length] ?? "";
      const number = this.#number++;
      const code = codeOf(this.#lane, number);
      const message = `${String(number)} ${topic} ${String(code)} ${"x".repeat(padding)}`;
      this.#ledger.add(topic, this.#lane, number);
      if (!this.#ws.send(message) && this.#ws.status !== "Connected") break;
    }
  }

  #onLost(): void {
    if (this.#lane >= 0) this.#ledger.endLane(this.#lane);
    this.#lane = -1;
  }
}
