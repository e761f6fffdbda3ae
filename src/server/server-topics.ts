import { type MemoryBackplane, memory } from "../backplane/memory.ts";
import type { HistoryRule } from "../backplane/contract.ts";
import type { SendOptions } from "../connection/sending/message-options.ts";
import { Compression } from "../connection/sending/outgoing-message.ts";
import { inSendLoop } from "../connection/transport/send-loop.ts";
import { HawserError, InvalidArgumentError, OutOfRangeError } from "../errors/errors.ts";
import { Opcode } from "../protocol/opcodes.ts";
import { type HistoryCounters, newHistoryCounters } from "../topics/history-counters.ts";
import { HistoryNode, type Published } from "../topics/history-node.ts";
import type { HistoryRules } from "../topics/history-rules.ts";
import type { SubscriberView } from "../topics/subscriber-view.ts";
import type { JoinOptions } from "../topics/topic-history.ts";
import { checkTopic } from "../topics/topic-name.ts";
import type { TopicSet } from "../topics/topic-set.ts";
import { topicHeader, withHeader } from "../topics/topic-frame.ts";
import { type TopicLimit, Topics } from "../topics/topics.ts";
import { HistoryReceivers, type WaitingLimits } from "./history-receivers.ts";
import type { LimitCounters } from "./limit-counters.ts";
import { type PublishedMessage, publishedMessage, readMessageId } from "./published-message.ts";
import { type Receivers, sendHeader, sendToMany } from "./send-to-many.ts";
import type { ServerDispatcher } from "./server-dispatcher.ts";
import { readSubscribeOptions } from "./subscribe-options.ts";
import type { Subscription } from "./subscription.ts";
import type { WebSocketConnection } from "./websocket-connection.ts";

/** What the topics of a server need of it. */
export interface TopicSettings extends WaitingLimits {
  /** How many topics one connection may have. */
  readonly maxTopicsPerConnection: number;
  /** Which topics have a history; undefined: none. */
  readonly history: HistoryRules | undefined;
  /** Bytes of their messages that are kept. */
  readonly maxHistoryMemory: number;
  /** Bytes of a message. */
  readonly maxMessageSize: number;
  /** Counts how often each limit was reached. */
  readonly limitCounters: LimitCounters;
}

/** Tells the server's handler of errors. */
type Reporter = Pick<ServerDispatcher, "dispatchError">;

/** The history of a topic. */
interface HistorySource {
  /** Keeps it. */
  readonly node: HistoryNode<WebSocketConnection>;
  /** How much of it is kept. */
  readonly rule: HistoryRule;
}

/** Who does not get a message. */
type Except = Receivers["except"];

/** What `publish` has reached for a topic without history: the message was handed over. */
const HANDED_OVER = Promise.resolve<Published>(
  Object.freeze({ position: undefined, offset: undefined, duplicate: false }),
);

/** The topics of one server, and the calls of its connections. */
export class ServerTopics {
  readonly #topics: Topics<WebSocketConnection>;
  readonly #settings: TopicSettings;
  readonly #reporter: Reporter;
  /** Keeps the histories; undefined: there are none. */
  readonly #broker: MemoryBackplane | undefined;
  /** The topics with history; undefined: there are none. */
  readonly #node: HistoryNode<WebSocketConnection> | undefined;

  constructor(settings: TopicSettings, reporter: Reporter) {
    const { maxTopicsPerConnection, history, maxHistoryMemory } = settings;
    this.#topics = new Topics(maxTopicsPerConnection);
    this.#settings = settings;
    this.#reporter = reporter;
    if (history === undefined) return;
    this.#broker = memory({ maxBytes: maxHistoryMemory });
    this.#node = new HistoryNode(
      this.#broker.createDriver(),
      new HistoryReceivers(settings, reporter),
      maxHistoryMemory,
    );
  }

  /** The topics that have a subscriber, and what became of messages of topics with history: a snapshot. */
  get counters(): { readonly topics: number; readonly history: HistoryCounters } {
    const history = this.#node?.counters ?? newHistoryCounters();
    const trimmed = this.#broker?.counters.trimmed ?? 0;
    return { topics: this.#topics.size, history: { ...history, trimmed, gaps: { ...history.gaps } } };
  }

  /** See `ws.subscribe`. */
  subscribe(ws: WebSocketConnection, topic: unknown, options: unknown): Promise<Subscription> {
    checkTopic("subscribe: topic", topic);
    const join = readSubscribeOptions(options);
    if (ws.status !== "Connected") return Promise.resolve(plainSubscription(topic, join, false));
    const isNew = !this.#topics.topicsOf(ws).has(topic);
    const limit = this.#topics.subscribe(ws, topic, join.isFramed);
    if (limit !== undefined) return this.#refuse(ws, topic, limit);
    const history = this.#historyOf(topic);
    if (history !== undefined) return this.#reportRejection(subscribeToHistory(ws, topic, history, join), ws);
    if (join.isFramed && isNew)
      sendHeader(ws, topicHeader("s", undefined, join.since === undefined ? "-" : "0", topic));
    return Promise.resolve(plainSubscription(topic, join, true));
  }

  /** See `ws.unsubscribe`. */
  unsubscribe(ws: WebSocketConnection, topic: unknown): boolean {
    checkTopic("unsubscribe: topic", topic);
    this.#node?.unsubscribe(ws, topic);
    // Our own end of the subscription (RFC 6455's normal closure).
    if (this.#topics.framed(topic)?.has(ws) === true) sendHeader(ws, topicHeader("u", undefined, "1000", topic));
    return this.#topics.unsubscribe(ws, topic);
  }

  /** Removes a connection from all topics. */
  leaveAll(ws: WebSocketConnection): void {
    const topics = this.#topics.leaveAll(ws);
    if (this.#node !== undefined) for (const topic of topics) this.#node.unsubscribe(ws, topic);
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

  /** Sends a message to the subscribers of a topic. See `wss.publish`. */
  publish(
    topic: unknown,
    message: unknown,
    options: SendOptions & { readonly id?: unknown },
    except: Except,
  ): Promise<Published> {
    const from = this.list("publish: topic", topic);
    const outgoing = publishedMessage(message, options);
    const id = readMessageId(options.id);
    const history = this.#historyOf(topic as string);
    if (history !== undefined) return this.#publishToHistory(topic as string, history, outgoing, { id, except });
    if (id !== undefined)
      throw new InvalidArgumentError(`publish: id: the topic ${JSON.stringify(topic)} has no history`);
    if (from !== undefined) this.#send(topic as string, outgoing, { from, except });
    return HANDED_OVER;
  }

  /** See `wss.position`. */
  position(topic: unknown): Promise<string> {
    checkTopic("position: topic", topic);
    const history = this.#historyOf(topic);
    if (history === undefined)
      throw new InvalidArgumentError(`position: the topic ${JSON.stringify(topic)} has no history`);
    return this.#reportRejection(history.node.position(topic, history.rule), undefined);
  }

  /** Ends the topics with history. */
  async close(): Promise<void> {
    await this.#node?.close(0);
  }

  /** What keeps the history of a topic, and its rule; undefined: it has none. */
  #historyOf(topic: string): HistorySource | undefined {
    const rule = this.#settings.history?.ruleOf(topic);
    return rule === undefined || this.#node === undefined ? undefined : { node: this.#node, rule };
  }

  /** Sends a message that is not stored. */
  #send(topic: string, message: PublishedMessage, { from, except }: Receivers): void {
    const framed = this.#topics.framed(topic);
    if (framed === undefined) {
      sendToMany(message, { from, except });
      return;
    }
    const plain = { has: (ws: WebSocketConnection) => framed.has(ws) || except?.has(ws) === true };
    inSendLoop(() => {
      sendToMany(message, { from, except: plain });
      sendToMany(withHeader(topicHeader("m", undefined, "-", topic), message), { from: framed, except });
    });
  }

  #publishToHistory(
    topic: string,
    { node, rule }: HistorySource,
    { opcode, payload, compression }: PublishedMessage,
    { id, except }: { readonly id: string | undefined; readonly except: Except },
  ): Promise<Published> {
    const { maxMessageSize } = this.#settings;
    const size = typeof payload === "string" ? Buffer.byteLength(payload) : payload.length;
    if (size > maxMessageSize)
      throw new OutOfRangeError(
        `publish: message: expected at most ${String(maxMessageSize)} bytes, got ${String(size)}`,
      );
    const mayCompress = compression !== Compression.forbidden;
    const message = { payload, isBinary: opcode === Opcode.binary, mayCompress, id, except };
    return this.#reportRejection(node.publish(topic, rule, message), undefined);
  }

  /** A rejection that nobody awaits must not end the process: the server's handler knows. */
  #reportRejection<Result>(promise: Promise<Result>, ws: WebSocketConnection | undefined): Promise<Result> {
    promise.catch((error: unknown) => this.#reporter.dispatchError(error, "library", true, ws));
    return promise;
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

/** A subscription to a topic without history: nothing of before is there. */
function plainSubscription(topic: string, { since }: JoinOptions, live: boolean): Subscription {
  return { topic, position: undefined, recovered: since === undefined ? undefined : false, replayed: 0, live };
}

async function subscribeToHistory(
  ws: WebSocketConnection,
  topic: string,
  { node, rule }: HistorySource,
  options: JoinOptions,
): Promise<Subscription> {
  return { topic, ...(await node.subscribe(ws, topic, rule, options)) };
}
