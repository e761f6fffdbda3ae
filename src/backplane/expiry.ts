import { AsyncResource } from "node:async_hooks";
import { MAX_TIMEOUT } from "../util/number-range.ts";

/** Milliseconds of one group: what is due in the same group is looked at together. */
const GROUP_MS = 1_000;

/** The most things that one timer looks at: the event loop must go on. */
const MAX_AT_ONCE = 10_000;

/** Milliseconds until the others are looked at. */
const PAUSE_MS = 10;

/** A timer is shared: it must not run in the asynchronous context of the one who happened to start it. */
const noContext = new AsyncResource("HawserExpiry");

/** Something that is to be looked at when its time has come. */
export interface Expiring {
  /** When it is due. */
  readonly dueAt: number;
  /** The group in which it waits, which only `Expiry` changes; undefined: it waits in none. */
  dueIn: number | undefined;
}

/** Many things that expire, with one timer, which does not keep the process alive. There is none while nothing waits. */
export class Expiry<Item extends Expiring> {
  readonly #now: () => number;
  readonly #onDue: (item: Item) => void;
  readonly #groups = new Map<number, Set<Item>>();
  #isRunning = false;
  #timer: NodeJS.Timeout | undefined;
  /** The group that the timer waits for. */
  #next = Infinity;

  /**
   * @param now the clock, in milliseconds
   * @param onDue is called when an item is due, and may add it again. It may be called up to a second late
   */
  constructor(now: () => number, onDue: (item: Item) => void) {
    this.#now = now;
    this.#onDue = onDue;
  }

  /** Has the item looked at when it is due. If it waits already, nothing changes: then it is looked at too early, and must be added again. */
  add(item: Item): void {
    if (item.dueIn !== undefined) return;
    const group = Math.ceil(item.dueAt / GROUP_MS);
    item.dueIn = group;
    const items = this.#groups.get(group);
    if (items === undefined) this.#groups.set(group, new Set([item]));
    else items.add(item);
    if (group < this.#next) this.#wait(group);
  }

  /** The item waits no longer. */
  delete(item: Item): void {
    if (item.dueIn === undefined) return;
    const items = this.#groups.get(item.dueIn);
    if (items?.delete(item) === true && items.size === 0) this.#groups.delete(item.dueIn);
    item.dueIn = undefined;
  }

  /** Begins to look at what is due. */
  start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#waitForNext();
  }

  /** Stops the timer. What waits is looked at after the next `start`. */
  stop(): void {
    this.#isRunning = false;
    this.#clear();
  }

  #clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#next = Infinity;
  }

  #wait(group: number, atLeast = 0): void {
    if (!this.#isRunning) return;
    this.#clear();
    this.#next = group;
    const ms = Math.min(Math.max(group * GROUP_MS - this.#now(), atLeast), MAX_TIMEOUT);
    this.#timer = noContext.runInAsyncScope(() => setTimeout(this.#onTimer, ms)).unref();
  }

  #waitForNext(): void {
    let next = Infinity;
    for (const group of this.#groups.keys()) if (group < next) next = group;
    if (next === Infinity) this.#clear();
    else this.#wait(next, PAUSE_MS);
  }

  readonly #onTimer = (): void => {
    const now = Math.floor(this.#now() / GROUP_MS);
    let left = MAX_AT_ONCE;
    for (const [group, items] of this.#groups) {
      if (group > now) continue;
      for (const item of items) {
        if (left-- === 0) return this.#waitForNext();
        this.delete(item);
        this.#onDue(item);
      }
    }
    this.#waitForNext();
  };
}
