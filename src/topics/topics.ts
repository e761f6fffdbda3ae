import { ownText } from "../util/own-text.ts";
import { type Identified, Registry } from "../util/registry.ts";
import { SubscriberView } from "./subscriber-view.ts";
import { TopicSet } from "./topic-set.ts";

/** The most topics of one server: about 400 MB, if each has one subscriber. */
export const MAX_TOPICS = 1_000_000;

/** A subscriber without topics. */
const NONE: ReadonlySet<string> = new Set();

/** The limit that refuses a subscription. */
export type TopicLimit = "maxTopicsPerConnection" | "maxTopics";

/** Who has subscribed to which topic of one server. A topic exists while it has a subscriber. Everything takes constant time. */
export class Topics<Subscriber extends Identified> {
  readonly #maxPerSubscriber: number;
  readonly #maxTopics: number;
  readonly #byTopic = new Map<string, TopicRegistry<Subscriber>>();
  /** The subscribers of each topic whose messages begin with a header line. */
  readonly #framed = new Map<string, Set<Subscriber>>();
  /** Only those that have topics: a connection without them costs nothing. */
  readonly #bySubscriber = new Map<Subscriber, Set<string>>();

  /** @param maxPerSubscriber how many topics one subscriber may have */
  constructor(maxPerSubscriber: number, maxTopics = MAX_TOPICS) {
    this.#maxPerSubscriber = maxPerSubscriber;
    this.#maxTopics = maxTopics;
  }

  /** How many topics have a subscriber. */
  get size(): number {
    return this.#byTopic.size;
  }

  /**
   * Adds a subscriber to a topic. A second call changes nothing.
   *
   * @param isFramed whether its messages begin with a header line
   * @returns the limit that refuses it; undefined: it is subscribed
   */
  subscribe(one: Subscriber, topic: string, isFramed = false): TopicLimit | undefined {
    const own = this.#bySubscriber.get(one);
    if (own?.has(topic) === true) return undefined;
    if ((own?.size ?? 0) >= this.#maxPerSubscriber) return "maxTopicsPerConnection";
    let subscribers = this.#byTopic.get(topic);
    if (subscribers === undefined && this.#byTopic.size >= this.#maxTopics) return "maxTopics";
    subscribers ??= this.#addTopic(topic);
    subscribers.add(one);
    const { name } = subscribers;
    if (own === undefined) this.#bySubscriber.set(one, new Set([name]));
    else own.add(name);
    if (isFramed) this.#addFramed(name, one);
    return undefined;
  }

  /** Removes a subscriber from a topic. Returns whether it was subscribed. */
  unsubscribe(one: Subscriber, topic: string): boolean {
    const own = this.#bySubscriber.get(one);
    if (own?.delete(topic) !== true) return false;
    if (own.size === 0) this.#bySubscriber.delete(one);
    this.#remove(one, topic);
    return true;
  }

  /** Removes a subscriber from all its topics. Returns them. */
  leaveAll(one: Subscriber): ReadonlySet<string> {
    const own = this.#bySubscriber.get(one);
    if (own === undefined) return NONE;
    this.#bySubscriber.delete(one);
    for (const topic of own) this.#remove(one, topic);
    return own;
  }

  /** Those subscribers of a topic whose messages begin with a header line; undefined: there are none. */
  framed(topic: string): ReadonlySet<Subscriber> | undefined {
    return this.#framed.get(topic);
  }

  /** The subscribers of a topic as they are now; undefined: there are none. The array never changes. */
  list(topic: string): readonly Subscriber[] | undefined {
    return this.#byTopic.get(topic)?.list;
  }

  /** The subscribers of a topic: a live collection, also while it has none. */
  subscribers(topic: string): SubscriberView<Subscriber> {
    return new SubscriberView(() => this.#byTopic.get(topic));
  }

  /** The topics of a subscriber: a live set. */
  topicsOf(one: Subscriber): TopicSet {
    return new TopicSet(() => this.#bySubscriber.get(one) ?? NONE);
  }

  #addTopic(topic: string): TopicRegistry<Subscriber> {
    const made = new TopicRegistry<Subscriber>(ownText(topic));
    this.#byTopic.set(made.name, made);
    return made;
  }

  #addFramed(topic: string, one: Subscriber): void {
    const framed = this.#framed.get(topic);
    if (framed === undefined) this.#framed.set(topic, new Set([one]));
    else framed.add(one);
  }

  #remove(one: Subscriber, topic: string): void {
    const subscribers = this.#byTopic.get(topic);
    if (subscribers?.remove(one) === true && subscribers.size === 0) this.#byTopic.delete(topic);
    const framed = this.#framed.get(topic);
    if (framed?.delete(one) === true && framed.size === 0) this.#framed.delete(topic);
  }
}

/** The subscribers of one topic. */
class TopicRegistry<Subscriber extends Identified> extends Registry<Subscriber> {
  /** The name, in memory of its own: the caller may have cut it from a long message. */
  readonly name: string;

  constructor(name: string) {
    super();
    this.name = name;
  }
}
