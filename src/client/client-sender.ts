import { type MessageCounters, NO_MESSAGES, addMessages } from "../connection/counters/message-counters.ts";
import type { SendOptions } from "../connection/sending/message-options.ts";
import { Waiters } from "../util/waiters.ts";
import { elapsedTime } from "./elapsed-time.ts";
import type { Link } from "./link.ts";
import type { ClientPlatform, WaitingPayload } from "./platform.ts";
import type { ReconnectSettings } from "./settings.ts";
import { WaitingQueue } from "./waiting-queue.ts";

/**
 * Milliseconds until `drained` answers while a connection is held. A callback that waits for the answer holds it up: without a pause, one
 * that tries again and again would take all turns.
 */
const HELD_PAUSE = 20;

/** Most clients have no connection that closes. */
const NO_LINKS: readonly Link[] = [];

/**
 * What a client sends, over one connection after another. While there is none, messages wait or are refused. What was handed to a
 * connection is never sent again.
 */
export class ClientSender {
  /** The callback that runs is `onOpen` of a connection that is gone: what it sends is not for the next one. */
  #hasLostLink = false;
  readonly #platform: ClientPlatform;
  /** Of what waits; undefined: the client does not connect again. */
  readonly #limits: ReconnectSettings | undefined;
  #queue: WaitingQueue<WaitingPayload> | undefined;
  /** Those who wait in `drained`, for space or until the client is connected. */
  readonly #waiters = new Waiters<boolean>();
  #link: Link | undefined;
  #isHeld = false;
  /** The messages that have waited go out: a new one comes after them. */
  #isFlushing = false;
  #isEnded = false;
  #isRefusing = false;
  #refused = 0;
  /** Connections that close: what was sent on them may still arrive. */
  #closing: readonly Link[] = NO_LINKS;
  /** Of the connections that have ended. */
  #counters: MessageCounters = NO_MESSAGES;

  constructor(platform: ClientPlatform, reconnect: ReconnectSettings | undefined) {
    this.#platform = platform;
    this.#limits = reconnect;
  }

  /** Whether messages wait also while there is no connection. */
  get #keepsMessages(): boolean {
    return this.#limits?.whileAway === "queue";
  }

  /** Connections that do not take messages any more, and have not ended yet. */
  get closingLinks(): readonly Link[] {
    return this.#closing;
  }

  /** The bytes that wait. */
  get bufferedAmount(): number {
    return (this.#link?.bufferedAmount ?? 0) + (this.#queue?.bytes ?? 0);
  }

  /** What became of all messages. */
  get counters(): MessageCounters {
    const { length = 0, dropped: outdated = 0 } = this.#queue ?? {};
    const dropped = outdated + this.#refused;
    const away = { accepted: length + dropped, written: 0, dropped, pending: length };
    const links = this.#link === undefined ? this.#closing : [...this.#closing, this.#link];
    return links.reduce((sum, { counters }) => addMessages(sum, counters), addMessages(this.#counters, away));
  }

  /**
   * Sends a message, or keeps it, or refuses it. Returns whether there is space for more.
   *
   * @throws {InvalidArgumentError} for a message that cannot be sent
   */
  send(message: unknown, options: SendOptions | undefined): boolean {
    const isLinked = this.#link?.status === "Connected";
    if (isLinked && !this.#isHeld && !this.#isFlushing) return this.#link?.send(message, options) === true;
    const isLast = this.#limits === undefined && this.#link !== undefined;
    const payload = this.#platform.prepare(message, options, this.#isRefusing || (isLast && !isLinked));
    const waits = this.#keepsMessages || (isLinked && !this.#hasLostLink);
    if (!waits || this.#limits === undefined || this.#isRefusing) {
      this.#refused++;
      return false;
    }
    this.#queue ??= new WaitingQueue(
      this.#limits,
      elapsedTime(() => this.#platform.now()),
    );
    return this.#queue.add({ message: payload, size: payload.size, key: options?.key });
  }

  /** Settles when there is space for messages: true; when the client ends before: false. */
  async drained(): Promise<boolean> {
    while (!this.#isEnded) {
      const link = this.#isFlushing ? undefined : this.#link;
      if (link === undefined) await this.#waiters.wait();
      else if (this.#isHeld) {
        await new Promise((resolve) => setTimeout(resolve, HELD_PAUSE));
        if (this.isHeld) return true;
      } else {
        const tell = (hasSpace: boolean): unknown => link === this.#link && this.#waiters.resolve(hasSpace);
        if (!this.#waiters.hasAny) void link.drained().then(tell);
        if (await this.#waiters.wait()) return true;
        // The application ends the client.
        if (this.#isRefusing) return false;
        // The end of a link is reported after those who wait for it. Another one may be there already.
        this.unlink(link);
      }
    }
    return false;
  }

  /** Whether there is a connection whose `onOpen` has not begun: what is sent waits, and goes out after what `onOpen` sends. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** There is a connection. Messages go to it when its `onOpen` begins; those that have waited follow with `flush`. */
  link(link: Link): void {
    this.#link = link;
    this.#isHeld = true;
    this.#isFlushing = false;
    // Not later: a callback may wait for this, and `onOpen` waits for that callback.
    this.#waiters.resolve(true);
  }

  /** Calls `onOpen` of a connection: what is sent from now on goes there, if it is still there. */
  async during(link: Link, onOpen: () => unknown): Promise<void> {
    this.#hasLostLink = this.#link !== link;
    if (!this.#hasLostLink) this.#isHeld = false;
    try {
      await onOpen();
    } finally {
      this.#hasLostLink = false;
    }
  }

  /** The connection does not take messages any more. */
  unlink(link: Link): void {
    if (this.#link !== link) return;
    this.#isHeld = false;
    if (!this.#keepsMessages) this.#queue?.clear();
    this.#closing = [...this.#closing, link];
    this.#link = undefined;
    this.#isFlushing = false;
    this.#waiters.resolve(false);
  }

  /** The connection has ended. */
  closed(link: Link): void {
    this.#closing = this.#closing.filter((one) => one !== link);
    this.#counters = addMessages(this.#counters, link.counters);
  }

  /** Sends what has waited. If the connection is lost meanwhile, the rest goes on waiting. */
  async flush(link: Link): Promise<void> {
    if (link !== this.#link) return;
    const queue = this.#queue;
    this.#isFlushing = queue !== undefined && queue.length > 0;
    while (this.#isFlushing && link === this.#link && link.status === "Connected") {
      const next = queue?.take();
      if (next === undefined) this.#isFlushing = false;
      else if (!link.send(next.message, next.options)) await link.drained();
    }
    if (link === this.#link) this.#waiters.resolve(true);
  }

  /** The client closes: nothing is kept for a later connection. */
  refuse(): void {
    this.#isRefusing = true;
  }

  /** The client ends: what waits is dropped. */
  end(): void {
    this.#isEnded = this.#isRefusing = true;
    this.#queue?.clear();
    this.#waiters.resolve(false);
  }
}
