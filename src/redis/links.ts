import { HawserError } from "../errors/errors.ts";
import { Link, type LinkOptions } from "./link.ts";

/** Milliseconds before the first further try, and at most. */
const MIN_DELAY = 100;
const MAX_DELAY = 5_000;

/** Milliseconds for which a link must have been ready: then the delays begin anew. */
const STABLE = 5_000;

/** What happens to the links of a node. */
export interface LinkEvents {
  /** A link is connected. When it settles, the link is ready. */
  readonly onConnected: (link: Link) => Promise<void>;
  /** A link is ready. */
  readonly onReady: (isFirst: boolean) => void;
  /** The link that was ready has ended. */
  readonly onAway: (reason: unknown) => void;
  /** A link that was not ready has ended. */
  readonly onFailed: (error: unknown) => void;
  /** About a second has passed. */
  readonly onTick: () => void;
}

/** The links of a node, one after the other: when one ends, the next one is made, until it is closed. */
export class Links {
  readonly #options: LinkOptions;
  readonly #events: LinkEvents;
  #ticks: NodeJS.Timeout | undefined;
  #link: Link | undefined;
  #isReady = false;
  #isClosed = false;
  #wake: (() => void) | undefined;

  constructor(options: LinkOptions, events: LinkEvents) {
    this.#options = options;
    this.#events = events;
  }

  /** Begins. */
  start(): void {
    this.#ticks = setInterval(() => {
      this.#link?.tick();
      this.#events.onTick();
    }, 1_000).unref();
    void this.#run();
  }

  /** The link that is ready; undefined: there is none. */
  get current(): Link | undefined {
    return this.#isReady && !this.#isClosed && this.#link?.hasEnded === false ? this.#link : undefined;
  }

  /**
   * The link that is ready.
   *
   * @throws {HawserError} HWS_BACKPLANE_AWAY: there is none
   */
  get ready(): Link {
    const link = this.current;
    if (link === undefined) throw new HawserError("HWS_BACKPLANE_AWAY");
    return link;
  }

  /**
   * Waits for the answers to all commands, and ends.
   *
   * @param over when it resolves, nothing is awaited any more
   * @param done something else to wait for
   */
  async close(over: Promise<void>, done: Promise<void>): Promise<void> {
    const link = this.#link;
    const wasReady = this.#isReady;
    this.#isClosed = true;
    this.#wake?.();
    if (link !== undefined && wasReady) await Promise.race([over, Promise.all([link.idle(), done])]);
    link?.end(new HawserError("HWS_BACKPLANE_AWAY"));
    clearInterval(this.#ticks);
  }

  async #run(): Promise<void> {
    let isFirst = true;
    let links = 0;
    for (let tries = 0; !this.#isClosed; tries++) {
      const link = (this.#link = new Link(this.#options, ++links));
      const isOpen = await this.#open(link, isFirst);
      if (isOpen) {
        isFirst = false;
        const since = performance.now();
        const reason = await link.ended;
        this.#isReady = false;
        if (performance.now() - since >= STABLE) tries = 0;
        this.#onAway(reason);
      }
      this.#link = undefined;
      await this.#pause(Math.random() * Math.min(MIN_DELAY * 2 ** tries, MAX_DELAY));
    }
  }

  #onAway(reason: unknown): void {
    if (!this.#isClosed) this.#events.onAway(reason);
  }

  /** Returns whether it is ready. */
  async #open(link: Link, isFirst: boolean): Promise<boolean> {
    try {
      await link.open();
      await this.#events.onConnected(link);
    } catch (error) {
      link.end(error);
      // What has ended the link is the reason; the calls only tell that it has ended.
      const reason = await link.ended;
      if (!this.#isClosed) this.#events.onFailed(reason);
      return false;
    }
    this.#isReady = true;
    if (!this.#isClosed) this.#events.onReady(isFirst);
    return true;
  }

  #pause(ms: number): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms).unref();
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
