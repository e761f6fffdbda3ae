/** The topics of one subscriber: a live set, which its reader cannot change. For another set: `new Set(ws.topics)`. */
export class TopicSet implements Iterable<string> {
  readonly #topics: () => ReadonlySet<string>;

  /** @param topics the set of now */
  constructor(topics: () => ReadonlySet<string>) {
    this.#topics = topics;
  }

  /** How many there are. */
  get size(): number {
    return this.#topics().size;
  }

  /** Whether it has subscribed to this topic. */
  has(topic: string): boolean {
    return this.#topics().has(topic);
  }

  /** Calls `callback` for each topic. */
  forEach(callback: (topic: string, same: string, topics: TopicSet) => void): void {
    for (const topic of this.#topics()) callback(topic, topic, this);
  }

  /** Iterates over pairs of the same topic, as a set does. */
  entries(): IterableIterator<[string, string]> {
    return this.#topics().entries();
  }

  /** Iterates over the topics. */
  keys(): IterableIterator<string> {
    return this.#topics().keys();
  }

  /** Iterates over the topics. */
  values(): IterableIterator<string> {
    return this.#topics().values();
  }

  /** Iterates over the topics. */
  [Symbol.iterator](): IterableIterator<string> {
    return this.#topics().values();
  }

  /** What `console.log` shows. */
  [Symbol.for("nodejs.util.inspect.custom")](): ReadonlySet<string> {
    return new Set(this.#topics());
  }
}
