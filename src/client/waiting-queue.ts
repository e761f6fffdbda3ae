/** What happens to a message when the queue is full. */
export type WaitingPolicy = "drop-oldest" | "drop-newest" | "latest";

/** Limits of the messages that wait while a client is not connected. */
export interface WaitingLimits {
  /** Bytes that may wait. */
  readonly maxQueue: number;
  /** Milliseconds that a message may wait. */
  readonly maxQueueAge: number;
  /** What happens above these. */
  readonly queuePolicy: WaitingPolicy;
}

/** A message that waits. */
export interface WaitingMessage<Message> {
  /** The message, ready to be sent. */
  readonly message: Message;
  /** Its bytes. */
  readonly size: number;
  /** Under the policy "latest" a newer message with the same key replaces it. */
  readonly key: string | undefined;
}

/** A message costs at least this many bytes, so that empty ones have a limit too. */
const MIN_SIZE = 64;

interface Entry<Message> extends WaitingMessage<Message> {
  readonly addedAt: number;
}

/** Messages that were sent while the client was not connected, in their order. Each of them leaves once: sent or dropped. */
export class WaitingQueue<Message> {
  readonly #limits: WaitingLimits;
  readonly #now: () => number;
  /** The oldest first. Under "latest" by their key, otherwise by a number. */
  readonly #entries = new Map<unknown, Entry<Message>>();
  #added = 0;
  #bytes = 0;
  #dropped = 0;

  /** @param now the time in milliseconds: that of `elapsedTime`, for a message grows old also while the machine sleeps */
  constructor(limits: WaitingLimits, now: () => number) {
    this.#limits = limits;
    this.#now = now;
  }

  /** The bytes that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The messages that wait. */
  get length(): number {
    return this.#entries.size;
  }

  /** The messages that were dropped. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Adds a message, and drops what the policy says. Returns whether this message waits now. */
  add(waiting: WaitingMessage<Message>): boolean {
    const { queuePolicy, maxQueue } = this.#limits;
    const size = Math.max(MIN_SIZE, waiting.size);
    this.#dropOld();
    const place = queuePolicy === "latest" ? waiting.key : this.#added++;
    this.#drop(place);
    if (queuePolicy !== "drop-newest" && size <= maxQueue) this.#makeSpace(maxQueue - size);
    if (this.#bytes + size > maxQueue) {
      this.#dropped++;
      return false;
    }
    this.#entries.set(place, { ...waiting, size, addedAt: this.#now() });
    this.#bytes += size;
    return true;
  }

  /** Takes the oldest message that is not too old; undefined: none waits. */
  take(): Message | undefined {
    this.#dropOld();
    for (const [place, entry] of this.#entries) {
      this.#remove(place, entry);
      return entry.message;
    }
    return undefined;
  }

  /** Drops everything. */
  clear(): void {
    this.#makeSpace(-1);
  }

  /** Drops the oldest messages until no more than `bytes` wait. */
  #makeSpace(bytes: number): void {
    for (const place of this.#entries.keys()) {
      if (this.#bytes <= bytes) return;
      this.#drop(place);
    }
  }

  #dropOld(): void {
    const oldest = this.#now() - this.#limits.maxQueueAge;
    for (const [place, { addedAt }] of this.#entries) {
      if (addedAt >= oldest) return;
      this.#drop(place);
    }
  }

  #drop(place: unknown): void {
    const entry = this.#entries.get(place);
    if (entry === undefined) return;
    this.#remove(place, entry);
    this.#dropped++;
  }

  #remove(place: unknown, { size }: Entry<Message>): void {
    this.#entries.delete(place);
    this.#bytes -= size;
  }
}
