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
  readonly #byTopic = new Map<string, Registry<Subscriber>>();
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

  /** Adds a subscriber to a topic. A second call changes nothing. Returns the limit that refuses it; undefined: it is subscribed. */
  subscribe(one: Subscriber, topic: string): TopicLimit | undefined {
    const own = this.#bySubscriber.get(one);
    if (own?.has(topic) === true) return undefined;
    if ((own?.size ?? 0) >= this.#maxPerSubscriber) return "maxTopicsPerConnection";
    const subscribers = this.#byTopic.get(topic);
    if (subscribers === undefined && this.#byTopic.size >= this.#maxTopics) return "maxTopics";
    if (own === undefined) this.#bySubscriber.set(one, new Set([topic]));
    else own.add(topic);
    if (subscribers !== undefined) subscribers.add(one);
    else this.#byTopic.set(topic, newRegistry(one));
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

  /** Removes a subscriber from all its topics. */
  leaveAll(one: Subscriber): void {
    const own = this.#bySubscriber.get(one);
    if (own === undefined) return;
    this.#bySubscriber.delete(one);
    for (const topic of own) this.#remove(one, topic);
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

  #remove(one: Subscriber, topic: string): void {
    const subscribers = this.#byTopic.get(topic);
    if (subscribers?.remove(one) === true && subscribers.size === 0) this.#byTopic.delete(topic);
  }
}

function newRegistry<Item extends Identified>(one: Item): Registry<Item> {
  const registry = new Registry<Item>();
  registry.add(one);
  return registry;
}
