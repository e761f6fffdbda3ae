import { HawserError } from "../errors/errors.ts";
import type { Link } from "./link.ts";
import type { Names, TopicChannel } from "./names.ts";
import { MAX_TICKS } from "./pending-calls.ts";

/** The most channels that are under way at the same time. */
const MAX_CHANNELS = 512;

/** Somebody who waits for the end of a change. */
interface Waiter {
  readonly since: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * The topics that a node wants, and those that the servers have confirmed. One loop sends the difference, so changes that follow each
 * other cannot cross.
 */
export class Subscriptions {
  readonly #names: Names;
  readonly #wanted = new Map<string, TopicChannel>();
  #confirmed = new Set<string>();
  #changed = new Map<string, TopicChannel>();
  #waiters: Waiter[] = [];
  #link: Link | undefined;
  /** The link whose loop is running. */
  #running: Link | undefined;
  #ticks = 0;
  #isClosed = false;

  constructor(names: Names) {
    this.#names = names;
  }

  /** The topic of a channel; undefined: it is not wanted. */
  topicOf(channel: string): string | undefined {
    return this.#wanted.get(channel)?.topic;
  }

  /** Changes the set of wanted topics. Settles when the servers have confirmed. */
  listen(add: readonly string[], remove: readonly string[]): Promise<void> {
    if (this.#isClosed) return Promise.reject(new HawserError("HWS_BACKPLANE_AWAY"));
    for (const channel of remove.map((topic) => this.#names.channel(topic))) {
      this.#wanted.delete(channel.channel);
      this.#noteChange(channel);
    }
    for (const channel of add.map((topic) => this.#names.channel(topic))) {
      this.#wanted.set(channel.channel, channel);
      this.#noteChange(channel);
    }
    // Without a link no message comes.
    if (add.length === 0 && this.#link === undefined) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiters.push({ since: this.#ticks, resolve, reject });
      // All calls of this turn together.
      queueMicrotask(() => this.#start());
    });
  }

  /** There is a new link: subscribes to all wanted topics. */
  async resume(link: Link): Promise<void> {
    this.#link = this.#running = link;
    this.#confirmed = new Set();
    this.#changed = new Map(this.#wanted);
    while (this.#changed.size > 0 || this.#waiters.length > 0) await this.#round(link);
    this.#running = undefined;
    this.#start();
  }

  /** The link has ended. The set of wanted topics stays. */
  pause(): void {
    this.#link = this.#running = undefined;
    this.#changed = new Map();
  }

  /** About a second has passed. */
  tick(): void {
    this.#ticks++;
    if (this.#link === undefined) this.#reject(({ since }) => this.#ticks - since >= MAX_TICKS);
  }

  /** No more changes are taken. Settles when those under way are done; without a link there are none. */
  close(): Promise<void> {
    const done = this.#link === undefined ? Promise.resolve() : this.listen([], []).catch(() => undefined);
    this.#isClosed = true;
    return done;
  }

  /** The last link has ended: nothing is confirmed any more. */
  end(): void {
    this.pause();
    this.#wanted.clear();
    this.#reject(() => true);
  }

  /** The next link gets everything. */
  #noteChange(channel: TopicChannel): void {
    if (this.#link !== undefined) this.#changed.set(channel.channel, channel);
  }

  #start(): void {
    const link = this.#link;
    if (link === undefined || this.#running !== undefined) return;
    this.#running = link;
    this.#loop(link).catch(link.end);
  }

  async #loop(link: Link): Promise<void> {
    while (this.#link === link && (this.#changed.size > 0 || this.#waiters.length > 0)) await this.#round(link);
    if (this.#running === link) this.#running = undefined;
  }

  /** Sends what has changed, and tells those who wait for it. What changes meanwhile is for the next round. */
  async #round(link: Link): Promise<void> {
    const changed = [...this.#changed.values()];
    const waiters = this.#waiters;
    this.#changed = new Map();
    this.#waiters = [];
    try {
      const add = changed.filter(({ channel }) => this.#wanted.has(channel) && !this.#confirmed.has(channel));
      const remove = changed.filter(({ channel }) => !this.#wanted.has(channel) && this.#confirmed.has(channel));
      for (const batch of batches(remove)) {
        await link.unsubscribe(batch);
        for (const { channel } of batch) this.#confirmed.delete(channel);
      }
      for (const batch of batches(add)) {
        await link.subscribe(batch);
        for (const { channel } of batch) this.#confirmed.add(channel);
      }
    } catch (error) {
      // They wait for the next link.
      this.#waiters.unshift(...waiters);
      if (this.#isClosed) this.#reject(() => true);
      throw error;
    }
    for (const { resolve } of waiters) resolve();
  }

  #reject(isDue: (waiter: Waiter) => boolean): void {
    const due = this.#waiters.filter(isDue);
    this.#waiters = this.#waiters.filter((waiter) => !isDue(waiter));
    for (const { reject } of due) reject(new HawserError("HWS_BACKPLANE_AWAY"));
  }
}

function batches(channels: readonly TopicChannel[]): TopicChannel[][] {
  const count = Math.ceil(channels.length / MAX_CHANNELS);
  return Array.from({ length: count }, (_, i) => channels.slice(i * MAX_CHANNELS, (i + 1) * MAX_CHANNELS));
}
