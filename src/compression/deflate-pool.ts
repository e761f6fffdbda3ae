import type { Deflater, OwnDeflater } from "./codec.ts";
import type { DeflateSettings } from "./settings.ts";
import { createDeflater } from "./zlib.ts";

/** The most memory for results that a deflater of a pool keeps: there are many of them. */
const MAX_KEPT = 16 * 1024;

/** A deflater, and its window. */
interface Entry {
  readonly deflater: OwnDeflater;
  readonly windowBits: number;
}

/**
 * Deflaters with a history (context takeover), for more connections than there are deflaters. A connection that has not sent
 * for the longest time loses its deflater to one that sends. Then it starts without a history, which its peer need not know: a
 * sender may forget its window at any message. So the memory is bounded by the size of the pool, whatever the number of
 * connections.
 */
export class DeflatePool {
  readonly #size: number;
  readonly #settings: DeflateSettings;
  /** The deflater of each owner; the owner that was served last is the last. */
  readonly #entries = new Map<object, Entry>();
  /** Deflaters without an owner, reset. */
  readonly #free: Entry[] = [];
  /** The owner that was served last. */
  #last: object | undefined;

  /** @param size the most deflaters: 1 or more */
  constructor(size: number, settings: DeflateSettings) {
    this.#size = size;
    this.#settings = settings;
  }

  /** The number of owners that have a history now. */
  get used(): number {
    return this.#entries.size;
  }

  /** Whether another owner would lose its history if this one sent a message now. */
  mustTake(owner: object): boolean {
    return !this.#entries.has(owner) && this.#free.length === 0 && this.#entries.size >= this.#size;
  }

  /**
   * The deflater for the owner's next message, with the history of its messages before, if it still has that. Call this for
   * each message, and do not keep the deflater: the next call for another owner may reset it.
   *
   * @param windowBits the window that is agreed on with this owner's peer, if that is not the one of the settings
   */
  deflaterOf(owner: object, windowBits = this.#settings.windowBits): Deflater {
    let entry = this.#entries.get(owner);
    if (entry !== undefined && owner === this.#last) return entry.deflater;
    if (entry === undefined) entry = this.#take(windowBits);
    else this.#entries.delete(owner);
    this.#entries.set(owner, entry);
    this.#last = owner;
    return entry.deflater;
  }

  /**
   * Forgets the owner's history: it is closed, or its peer did not get the last result as it was, or a message was compressed
   * elsewhere. Its next message starts without a history.
   */
  release(owner: object): void {
    const entry = this.#entries.get(owner);
    if (entry === undefined) return;
    this.#entries.delete(owner);
    if (owner === this.#last) this.#last = undefined;
    // Now, not when it is used again: the history is what an application has sent.
    entry.deflater.reset();
    this.#free.push(entry);
  }

  /**
   * A deflater without a history: a free one, or a new one, or that of the owner that was served the longest time ago. A free
   * one with this window comes first: a peer chooses its window, and each new deflater takes time.
   */
  #take(windowBits: number): Entry {
    if (this.#free.length === 0 && this.#entries.size >= this.#size) this.#releaseOldest();
    const at = this.#free.findLastIndex((free) => free.windowBits === windowBits);
    const [fitting] = at < 0 ? [] : this.#free.splice(at, 1);
    if (fitting !== undefined) return fitting;
    if (this.#free.length + this.#entries.size >= this.#size) this.#free.shift()?.deflater.close();
    return { deflater: createDeflater({ ...this.#settings, windowBits }, MAX_KEPT), windowBits };
  }

  #releaseOldest(): void {
    for (const owner of this.#entries.keys()) {
      this.release(owner);
      return;
    }
  }
}
