import type { BackplaneStage, Driver } from "../backplane/contract.ts";
import { ownText } from "../util/own-text.ts";
import { Waiters } from "../util/waiters.ts";

/** The most topics of one call: an answer is awaited before the next one. */
const MAX_BATCH = 512;

/** Milliseconds for which a subscription waits for the broker. */
const LISTEN_TIMEOUT = 5_000;

/** Milliseconds until a call is repeated that the broker has refused although it is there. */
const RETRY_MS = 1_000;

/** The state of a topic. It is forgotten when it is neither wanted nor told. */
interface Wish {
  /** The node wants it. */
  isWanted: boolean;
  /** The broker was told that it is wanted. */
  isTold: boolean;
  /** The call that tells it is under way. */
  isPending: boolean;
  /** Messages flow. */
  isConfirmed: boolean;
}

/** What it needs of the broker. */
type Broker = Pick<Driver, "listen" | "keepsPackets">;

/**
 * The topics whose messages a node wants. One call to the broker is under way at a time: so a topic that is added, removed and added in one
 * turn is wanted in the end.
 */
export class WantedTopics {
  readonly #driver: Broker;
  readonly #onFailed: (stage: BackplaneStage, error: unknown) => void;
  readonly #wishes = new Map<string, Wish>();
  /** The topics of which the broker may have to be told. */
  readonly #changed = new Set<string>();
  readonly #waiters = new Map<string, Waiters<boolean>>();
  /** Those that wait also while the broker is away. */
  readonly #patient = new Map<string, Waiters<boolean>>();
  #retry: NodeJS.Timeout | undefined;
  #isCalling = false;
  #isScheduled = false;
  #isAway = false;
  #isReady: boolean;
  /** While the broker cannot be reached: since when, on the clock of `performance.now()`. */
  #unreachableSince = performance.now();

  constructor(driver: Broker, onFailed: (stage: BackplaneStage, error: unknown) => void) {
    this.#driver = driver;
    this.#onFailed = onFailed;
    this.#isReady = driver.keepsPackets;
  }

  /** Adds a topic. A second call changes nothing. */
  add(topic: string): void {
    const wish = this.#wishes.get(topic);
    if (wish?.isWanted === true) return;
    // The name may have been cut from a long message.
    const name = ownText(topic);
    if (wish === undefined)
      this.#wishes.set(name, { isWanted: true, isTold: false, isPending: false, isConfirmed: false });
    else wish.isWanted = true;
    this.#change(name);
  }

  /** Removes a topic. */
  remove(topic: string): void {
    const wish = this.#wishes.get(topic);
    if (wish?.isWanted !== true) return;
    wish.isWanted = false;
    this.#settle(topic, false);
    this.#change(topic);
  }

  /** Whether the messages of a topic flow. */
  isConfirmed(topic: string): boolean {
    const wish = this.#wishes.get(topic);
    return wish !== undefined && wish.isWanted && wish.isConfirmed;
  }

  /**
   * Resolves with true when they flow; with false when they do not after 5 s, or when the broker cannot be reached for 5 s already: whoever
   * asks for many topics waits for it only once.
   *
   * @param isPatient false: with false at once when the broker is away
   */
  whenConfirmed(topic: string, isPatient = false): Promise<boolean> {
    if (this.isConfirmed(topic)) return Promise.resolve(true);
    if ((this.#isAway && !isPatient) || this.#wishes.get(topic)?.isWanted !== true) return Promise.resolve(false);
    const byTopic = isPatient ? this.#patient : this.#waiters;
    let waiters = byTopic.get(topic);
    if (waiters === undefined) {
      const ms = this.#timeout();
      if (ms <= 0) return Promise.resolve(false);
      byTopic.set(topic, (waiters = new Waiters()));
      const timer = setTimeout(() => this.#settle(topic, false), ms).unref();
      void waiters.wait().then(() => clearTimeout(timer));
    }
    return waiters.wait();
  }

  /** The broker is there. The topics that it was told of flow. */
  onReady(): void {
    this.#isAway = false;
    this.#isReady = true;
    // A call that is under way tells of its topics later. All others flow.
    this.#confirm(this.#wishes.keys());
    this.#schedule();
  }

  /** The broker is away: nobody waits for it. */
  onAway(): void {
    // It may not have been reached yet.
    if (this.#isReady) this.#unreachableSince = performance.now();
    this.#isAway = true;
    this.#isReady = false;
    for (const wish of this.#wishes.values()) wish.isConfirmed = false;
    const impatient = [...this.#waiters.values()];
    this.#waiters.clear();
    for (const waiters of impatient) waiters.resolve(false);
  }

  /** Forgets all topics. */
  clear(): void {
    this.onAway();
    for (const topic of [...this.#patient.keys()]) this.#settle(topic, false);
    clearTimeout(this.#retry);
    this.#wishes.clear();
    this.#changed.clear();
  }

  /** Milliseconds for which a subscription waits now. */
  #timeout(): number {
    return this.#isReady ? LISTEN_TIMEOUT : this.#unreachableSince + LISTEN_TIMEOUT - performance.now();
  }

  #change(topic: string): void {
    this.#changed.add(topic);
    this.#schedule();
  }

  /** A broker in this process is told at once. Another one is told when all callbacks that run now have added theirs. */
  #schedule(): void {
    if (this.#driver.keepsPackets) this.#call();
    else if (!this.#isScheduled && !this.#isCalling) {
      this.#isScheduled = true;
      queueMicrotask(() => {
        this.#isScheduled = false;
        this.#call();
      });
    }
  }

  #call(): void {
    if (this.#isCalling) return;
    const { added, removed } = this.#takeChanges();
    if (added.length + removed.length === 0) return;
    this.#isCalling = true;
    const done = this.#driver.listen(added, removed);
    if (this.#driver.keepsPackets) {
      this.#isCalling = false;
      this.#endPending(added);
      this.#confirm(added);
      done.catch((error: unknown) => this.#onFailed("subscribe", error));
    } else void this.#await(done, added);
  }

  /** What the broker must be told next. */
  #takeChanges(): { readonly added: readonly string[]; readonly removed: readonly string[] } {
    const [added, removed]: [string[], string[]] = [[], []];
    for (const topic of this.#changed) {
      if (added.length + removed.length === MAX_BATCH) break;
      this.#changed.delete(topic);
      const wish = this.#wishes.get(topic);
      if (wish === undefined || wish.isWanted === wish.isTold) continue;
      wish.isTold = wish.isWanted;
      wish.isPending = wish.isWanted;
      (wish.isWanted ? added : removed).push(topic);
    }
    for (const topic of removed) this.#wishes.delete(topic);
    return { added, removed };
  }

  async #await(done: Promise<void>, added: readonly string[]): Promise<void> {
    try {
      await done;
      this.#isCalling = false;
      this.#endPending(added);
      // A driver that is just connecting cannot read yet: `onReady` follows.
      if (this.#isReady) this.#confirm(added);
    } catch (error) {
      this.#isCalling = false;
      this.#endPending(added);
      this.#onCallFailed(error, added);
    }
    this.#call();
  }

  #endPending(topics: readonly string[]): void {
    for (const topic of topics) {
      const wish = this.#wishes.get(topic);
      if (wish !== undefined) wish.isPending = false;
    }
  }

  #onCallFailed(error: unknown, added: readonly string[]): void {
    this.#onFailed("subscribe", error);
    // A driver that is away goes on by itself, and `onReady` follows.
    if (this.#isAway) return;
    this.#retry = setTimeout(() => {
      for (const topic of added) {
        const wish = this.#wishes.get(topic);
        if (wish === undefined || wish.isConfirmed) continue;
        wish.isTold = false;
        this.#changed.add(topic);
      }
      this.#call();
    }, RETRY_MS).unref();
  }

  #confirm(topics: Iterable<string>): void {
    for (const topic of topics) {
      const wish = this.#wishes.get(topic);
      // It may have been removed, and added again, meanwhile.
      if (wish?.isTold !== true || wish.isPending) continue;
      wish.isConfirmed = true;
      this.#settle(topic, wish.isWanted);
    }
  }

  #settle(topic: string, isConfirmed: boolean): void {
    for (const byTopic of [this.#waiters, this.#patient]) {
      const waiters = byTopic.get(topic);
      byTopic.delete(topic);
      waiters?.resolve(isConfirmed);
    }
  }
}
