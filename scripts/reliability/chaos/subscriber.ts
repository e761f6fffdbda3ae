import { TopicClient, type WSTopicEvent, type WSTopicGapEvent } from "hawser/client/topics";
import { TOLD } from "./comparison.ts";
import type { Ledger } from "./ledger.ts";
import { OBSERVER } from "./topics.ts";

/** What a subscriber tells of itself. */
export interface SubscriberEvents {
  /** It was told that messages of a topic with history may be missing. */
  onGap(reason: string): void;
  /** It is connected again, and all its topics are resumed; milliseconds since it lost the connection. */
  onResumed(milliseconds: number, recovered: boolean): void;
  /** The observer is told: somebody is present, or not any more. */
  onPresence(type: "join" | "leave"): void;
}

/** A subscriber that resumes after each loss of its connection, and logs what it gets. */
export class Subscriber {
  readonly user: string;
  /** What came on each topic: codes of messages, and `TOLD`. */
  readonly logs = new Map<string, number[]>();
  readonly #url: () => string;
  readonly #ledger: Ledger;
  readonly #events: SubscriberEvents;
  #client: TopicClient;
  #lostAt = 0;

  constructor(user: string, url: () => string, ledger: Ledger, events: SubscriberEvents) {
    this.user = user;
    this.#url = url;
    this.#ledger = ledger;
    this.#events = events;
    this.#client = this.#connect({});
  }

  /** Whether it is connected. */
  get isConnected(): boolean {
    return this.#client.status === "Connected";
  }

  /** Subscribes. Tries again while the broker is away, if it shall. */
  async subscribe(topics: readonly string[], persistent: boolean): Promise<boolean> {
    const results = await Promise.all(topics.map((topic) => this.#subscribe(topic, persistent)));
    return results.every(Boolean);
  }

  /** Ends the connection, and remembers the positions. */
  async leave(): Promise<void> {
    this.#client.terminate();
    await this.#client.closed;
  }

  /** Comes back as another client of the same user, with the positions. */
  async comeBack(): Promise<void> {
    this.#client = this.#connect(this.#client.positions);
    await this.subscribe([...this.logs.keys()], true);
  }

  /** Ends it. */
  end(): void {
    this.#client.destroy();
  }

  async #subscribe(topic: string, persistent: boolean): Promise<boolean> {
    if (!this.logs.has(topic)) this.logs.set(topic, []);
    for (;;) {
      try {
        await this.#client.subscribe(topic);
        return true;
      } catch (error) {
        const { code } = error as { code?: unknown };
        if (!persistent || code !== "HWS_BACKPLANE_AWAY") return false;
      }
    }
  }

  #onPresence(type: "join" | "leave"): void {
    if (this.user === OBSERVER) this.#events.onPresence(type);
  }

  #connect(positions: Readonly<Record<string, string>>): TopicClient {
    const handler = {
      onTopic: (_ws: unknown, { topic, data }: WSTopicEvent) => {
        const code = Number.parseInt(String(data), 10);
        this.logs.get(topic)?.push(code);
        this.#ledger.note(code);
      },
      onGap: (_ws: unknown, { topic, reason, position }: WSTopicGapEvent) => {
        this.logs.get(topic)?.push(TOLD);
        if (position !== undefined) this.#events.onGap(reason);
      },
      onJoin: () => this.#onPresence("join"),
      onLeave: () => this.#onPresence("leave"),
      onOpen: (_ws: unknown, event: { reconnected: boolean }) => {
        // Dials may have failed before the first connection.
        if (!event.reconnected) this.#lostAt = 0;
      },
      onReconnecting: () => {
        this.#lostAt ||= performance.now();
      },
      onReconnected: (_ws: unknown, { recovered }: { recovered: boolean }) => {
        this.#events.onResumed(performance.now() - this.#lostAt, recovered);
        this.#lostAt = 0;
      },
      onError: () => undefined,
    };
    const url = (): string => `${this.#url()}/?user=${this.user}`;
    return new TopicClient(url, handler, { reconnect: { baseDelay: 1_000, maxDelay: 5_000 }, positions });
  }
}
