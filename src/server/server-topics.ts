import { type SendOptions, readMessageOptions } from "../connection/sending/message-options.ts";
import { type OutgoingMessage, isBlobLike, outgoingMessage } from "../connection/sending/outgoing-message.ts";
import { HawserError, InvalidArgumentError } from "../errors/errors.ts";
import { checkTopic } from "../topics/topic-name.ts";
import { type TopicLimit, Topics } from "../topics/topics.ts";
import type { TopicSet } from "../topics/topic-set.ts";
import type { SubscriberView } from "../topics/subscriber-view.ts";
import type { LimitCounters } from "./limit-counters.ts";
import { sendToMany } from "./send-to-many.ts";
import type { ServerDispatcher } from "./server-dispatcher.ts";
import type { Subscription } from "./subscription.ts";
import type { WebSocketConnection } from "./websocket-connection.ts";

/** What the topics of a server need of it. */
export interface TopicSettings {
  /** How many topics one connection may have. */
  readonly maxTopicsPerConnection: number;
  /** Counts how often each limit was reached. */
  readonly limitCounters: LimitCounters;
}

/** Tells the server's handler of errors. */
type Reporter = Pick<ServerDispatcher, "dispatchError">;

/** The topics of one server, and the calls of its connections. */
export class ServerTopics {
  readonly #topics: Topics<WebSocketConnection>;
  readonly #settings: TopicSettings;
  readonly #reporter: Reporter;

  constructor(settings: TopicSettings, reporter: Reporter) {
    this.#topics = new Topics(settings.maxTopicsPerConnection);
    this.#settings = settings;
    this.#reporter = reporter;
  }

  /** How many topics have a subscriber. */
  get size(): number {
    return this.#topics.size;
  }

  /** See `ws.subscribe`. */
  subscribe(ws: WebSocketConnection, topic: unknown): Promise<Subscription> {
    checkTopic("subscribe: topic", topic);
    if (ws.status !== "Connected") return Promise.resolve({ topic, live: false });
    const limit = this.#topics.subscribe(ws, topic);
    return limit === undefined ? Promise.resolve({ topic, live: true }) : this.#refuse(ws, topic, limit);
  }

  /** See `ws.unsubscribe`. */
  unsubscribe(ws: WebSocketConnection, topic: unknown): boolean {
    checkTopic("unsubscribe: topic", topic);
    return this.#topics.unsubscribe(ws, topic);
  }

  /** Removes a connection from all topics. */
  leaveAll(ws: WebSocketConnection): void {
    this.#topics.leaveAll(ws);
  }

  /** The topics of a connection. */
  topicsOf(ws: WebSocketConnection): TopicSet {
    return this.#topics.topicsOf(ws);
  }

  /** The connections that have subscribed to a topic. */
  subscribers(topic: unknown): SubscriberView<WebSocketConnection> {
    checkTopic("subscribers: topic", topic);
    return this.#topics.subscribers(topic);
  }

  /** The same as they are now; undefined: none. `what`: the argument, for the message of an error. */
  list(what: string, topic: unknown): readonly WebSocketConnection[] | undefined {
    // A topic that has subscribers has a valid name.
    const known = this.#topics.list(topic as string);
    if (known === undefined) checkTopic(what, topic);
    return known;
  }

  /** Sends a message to the subscribers of a topic. Returns how many have accepted it. */
  publish(
    topic: unknown,
    message: unknown,
    options: SendOptions,
    except: { has(connection: WebSocketConnection): boolean } | undefined,
  ): number {
    const from = this.list("publish: topic", topic);
    const outgoing = publishedMessage(message, options);
    return from === undefined ? 0 : sendToMany(outgoing, { from, except });
  }

  #refuse(ws: WebSocketConnection, topic: string, limit: TopicLimit): Promise<never> {
    this.#settings.limitCounters[limit]++;
    const error = new HawserError("HWS_TOO_MANY_TOPICS", `${limit}: ${JSON.stringify(topic)}`);
    this.#reporter.dispatchError(error, "library", true, ws);
    const refused = Promise.reject(error);
    // Whoever does not await it must not end the process: the handler of the server knows.
    refused.catch(() => undefined);
    return refused;
  }
}

/**
 * The message of `publish`.
 *
 * @throws {InvalidArgumentError} for a `Blob`, what `send` refuses, and an object that `JSON.stringify` refuses
 */
function publishedMessage(message: unknown, options: SendOptions): OutgoingMessage {
  const read = readMessageOptions("publish", options);
  try {
    const outgoing = outgoingMessage(message, read);
    // It is read later, and the next message would come before it.
    if (isBlobLike(outgoing.payload)) throw new InvalidArgumentError("message: a Blob must be read before");
    return outgoing;
  } catch (cause) {
    // For a bigint, or an object that is in itself, `JSON.stringify` throws a `TypeError`.
    if (!(cause instanceof TypeError)) throw cause;
    const { message: said } = cause;
    const isOurs = cause instanceof InvalidArgumentError;
    const text = isOurs ? said.replace(", Blob", "") : `message: JSON cannot hold it: ${said}`;
    throw new InvalidArgumentError(`publish: ${text}`, { cause });
  }
}
