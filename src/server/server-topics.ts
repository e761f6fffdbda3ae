import { MemoryBackplane, memory } from "../backplane/memory.ts";
import type { BackplaneStage, BackplaneStatus, HistoryRule } from "../backplane/contract.ts";
import type { HistoryHead } from "../backplane/packet.ts";
import { type BroadcastTopics, type DecodedRecord, RecordKind } from "../backplane/record.ts";
import type { WSTerminateEvent } from "../connection/dispatch/events.ts";
import type { SendOptions } from "../connection/sending/message-options.ts";
import { Compression, type OutgoingMessage, isBlobLike, readBlob } from "../connection/sending/outgoing-message.ts";
import { inSendLoop } from "../connection/transport/send-loop.ts";
import { HawserError, InvalidArgumentError } from "../errors/errors.ts";
import type { Bytes } from "../protocol/bytes.ts";
import { Opcode } from "../protocol/opcodes.ts";
import { BackplaneNode, type NodeListener } from "../topics/backplane-node.ts";
import { newHistoryCounters } from "../topics/history-counters.ts";
import { HistoryNode, type Published } from "../topics/history-node.ts";
import type { ListedMember } from "../topics/presence-node.ts";
import { Lingering } from "../topics/lingering.ts";
import type { SubscriberView } from "../topics/subscriber-view.ts";
import type { JoinOptions } from "../topics/history-context.ts";
import { checkTopic } from "../topics/topic-name.ts";
import type { TopicSet } from "../topics/topic-set.ts";
import { recoveredFlag, topicHeader, withHeader } from "../topics/topic-frame.ts";
import { type TopicLimit, Topics } from "../topics/topics.ts";
import type { Registry } from "../util/registry.ts";
import { BackplaneErrors } from "./backplane-errors.ts";
import { type BackplaneState, NO_BACKPLANE, backplaneState } from "./backplane-state.ts";
import { sendHeader } from "./header-lines.ts";
import { HistoryReceivers } from "./history-receivers.ts";
import { plainRecovered, plainSubscription } from "./plain-subscription.ts";
import { type PresenceList, presenceList, readLimit } from "./presence.ts";
import { type PublishedMessage, checkStoredSize, publishedMessage, readMessageId } from "./published-message.ts";
import { broadcastReceivers, messageOf, relayedMessage } from "./remote-messages.ts";
import { type Receivers, sendToMany } from "./send-to-many.ts";
import type { ServerCounters, TopicRequestCounters } from "./server-counters.ts";
import { type SubscribeSettings, readSubscribeOptions } from "./subscribe-options.ts";
import type { Subscription } from "./subscription.ts";
import { type Listing, TopicPresence, tellPresence } from "./topic-presence.ts";
import type { TopicReporter, TopicSettings } from "./topic-settings.ts";
import type { WebSocketConnection } from "./websocket-connection.ts";

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
export class ServerTopics implements NodeListener {
  readonly settings: TopicSettings;
  /** What became of the requests of clients. */
  readonly requests: TopicRequestCounters = { granted: 0, refused: 0, failed: 0, delayed: 0 };
  readonly #topics: Topics<WebSocketConnection>;
  readonly #reporter: TopicReporter;
  readonly #connections: Registry<WebSocketConnection>;
  readonly #errors: BackplaneErrors;
  /** Keeps the histories in this process; undefined: it keeps none. */
  readonly #memory: MemoryBackplane | undefined;
  /** The server among those that the backplane joins; undefined: nothing needs a broker. */
  #node: BackplaneNode | undefined;
  /** Who is present; undefined: nobody was listed here. */
  #presence: TopicPresence | undefined;
  /** The topics with history; undefined: there are none. */
  readonly #history: HistoryNode<WebSocketConnection> | undefined;
  /** The topics without history that have lost their last subscriber. */
  readonly #lingering = new Lingering((topics) => this.#forget(topics));

  /** @param connections all connections of the server */
  constructor(settings: TopicSettings, reporter: TopicReporter, connections: Registry<WebSocketConnection>) {
    const { maxTopicsPerConnection, history, maxHistoryMemory, backplane } = settings;
    this.#topics = new Topics(maxTopicsPerConnection);
    this.settings = settings;
    this.#reporter = reporter;
    this.#connections = connections;
    this.#errors = new BackplaneErrors(reporter);
    if (history === undefined && backplane === undefined) return;
    const joined = backplane ?? memory({ maxBytes: maxHistoryMemory });
    if (joined instanceof MemoryBackplane) this.#memory = joined;
    this.#node = new BackplaneNode(joined.createDriver(), this, history?.text);
    if (history !== undefined)
      this.#history = new HistoryNode(this.#node, new HistoryReceivers(settings, this.#errors), settings);
    this.#node.open(this.#isJoined);
  }

  /** The topics that have a subscriber, what became of the requests of clients, and of messages of topics with history: a snapshot. */
  get counters(): Pick<ServerCounters, "topics" | "topicRequests" | "history"> {
    const history = this.#history?.counters ?? newHistoryCounters();
    const trimmed = this.#memory?.counters.trimmed ?? 0;
    const topicRequests = { ...this.requests };
    return { topics: this.#topics.size, topicRequests, history: { ...history, trimmed, gaps: { ...history.gaps } } };
  }

  /** See `wss.backplane`. */
  get backplane(): BackplaneState {
    return this.#node === undefined ? NO_BACKPLANE : backplaneState(this.#node, this.#errors.counters);
  }

  /** See `ws.subscribe`. */
  subscribe(ws: WebSocketConnection, topic: unknown, options: unknown): Promise<Subscription> {
    checkTopic("subscribe: topic", topic);
    const begun = this.begin(ws, topic, readSubscribeOptions(options, ws.protocol));
    return typeof begun === "string" ? this.#refuse(ws, topic, begun) : Promise.resolve(begun);
  }

  /** Subscribes a connection. Returns what was reached, a promise of it for a topic with history, or the limit that refuses it. */
  begin(
    ws: WebSocketConnection,
    topic: string,
    join: SubscribeSettings,
  ): Subscription | Promise<Subscription> | TopicLimit {
    if (ws.status !== "Connected") return plainSubscription(topic, join, false);
    const isNew = !this.#topics.topicsOf(ws).has(topic);
    const limit = this.#topics.subscribe(ws, topic, join.isFramed);
    if (limit !== undefined) {
      this.settings.limitCounters[limit]++;
      return limit;
    }
    this.#lingering.remove(topic);
    const listing = isNew ? this.#beginListing(ws, topic, join.member) : undefined;
    const history = this.#historyOf(topic);
    if (history !== undefined) {
      const subscribed = this.#subscribeToHistory(ws, { topic, ...history }, join, listing);
      return this.#reportRejection("subscribe", subscribed, ws);
    }
    if (!isNew) return this.#joinOthers(ws, topic, join);
    if (join.isFramed) sendHeader(ws, topicHeader("s", undefined, recoveredFlag(plainRecovered(join)), topic));
    if (listing === undefined) return this.#joinOthers(ws, topic, join);
    return this.#list(listing).then(() => this.#joinOthers(ws, topic, join));
  }

  async #subscribeToHistory(
    ws: WebSocketConnection,
    { topic, node, rule }: HistorySource & { readonly topic: string },
    join: SubscribeSettings,
    listing: Listing | undefined,
  ): Promise<Subscription> {
    const cancel = (): void => {
      if (listing !== undefined) this.#presence?.cancel(listing);
    };
    const joined = await node.subscribe(ws, topic, rule, join).catch((error: unknown) => {
      // A connection that has a topic must get its messages. It may have subscribed again meanwhile.
      if (!node.has(ws, topic)) this.#topics.unsubscribe(ws, topic);
      cancel();
      throw error;
    });
    if (!joined.live) cancel();
    else if (listing !== undefined) await this.#list(listing);
    return { topic, ...joined, remote: !this.#isJoined || this.#node?.wanted.isConfirmed(topic) === true };
  }

  /** A connection subscribes. Undefined: it is not to be listed as present. */
  #beginListing(ws: WebSocketConnection, topic: string, member: ListedMember | undefined): Listing | undefined {
    if (member === undefined) return undefined;
    if (this.#node === undefined) {
      this.#node = new BackplaneNode(memory().createDriver(), this);
      this.#node.open(false);
    }
    this.#presence ??= new TopicPresence(this.#node);
    return this.#presence.begin(ws, topic, member);
  }

  /** Lists a connection as present, unless it has left meanwhile. */
  async #list(listing: Listing): Promise<void> {
    await this.#presence?.list(listing);
  }

  /** Gets the messages of the other servers too. Those of this one come already. */
  #joinOthers(ws: WebSocketConnection, topic: string, join: JoinOptions): Subscription | Promise<Subscription> {
    const reached = (): Subscription => plainSubscription(topic, join, this.#topics.topicsOf(ws).has(topic));
    const now = reached();
    if (!now.live || !this.#isJoined || this.#node === undefined) return now;
    const { wanted } = this.#node;
    wanted.add(topic);
    if (wanted.isConfirmed(topic)) return now;
    return wanted.whenConfirmed(topic).then((remote) => ({ ...reached(), remote }));
  }

  /** See `ws.unsubscribe`. */
  unsubscribe(ws: WebSocketConnection, topic: unknown): boolean {
    checkTopic("unsubscribe: topic", topic);
    this.#history?.unsubscribe(ws, topic);
    this.#presence?.leave(ws, topic);
    // Our own end of the subscription (RFC 6455's normal closure).
    if (this.#topics.framed(topic)?.has(ws) === true) sendHeader(ws, topicHeader("u", undefined, "1000", topic));
    const isGone = this.#topics.unsubscribe(ws, topic);
    if (isGone) this.#lingerIfUnused(topic);
    return isGone;
  }

  /** Removes a connection that has closed from all topics. */
  leaveAll(ws: WebSocketConnection, event: Pick<WSTerminateEvent, "code" | "cause">): void {
    const topics = this.#topics.leaveAll(ws);
    if (this.#node === undefined) return;
    for (const topic of topics) {
      this.#history?.unsubscribe(ws, topic);
      this.#presence?.leave(ws, topic, event);
      this.#lingerIfUnused(topic);
    }
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
    if (this.#isJoined) this.#node?.relay(topic as string, relayedMessage(outgoing));
    return HANDED_OVER;
  }

  /** Sends a broadcast to the connections of the other servers. See `wss.broadcast`. */
  relayBroadcast(message: OutgoingMessage, to: BroadcastTopics): void {
    const node = this.#node;
    if (!node?.driver.hasPeers) return;
    if (!isBlobLike(message.payload)) return node.relayBroadcast(relayedMessage(message as PublishedMessage), to);
    readBlob(message).then(
      (read) => node.relayBroadcast(relayedMessage(read as PublishedMessage), to),
      (cause: unknown) => this.#errors.report("publish", new HawserError("HWS_SEND_FAILED", undefined, { cause })),
    );
  }

  /** See `wss.position`. */
  position(topic: unknown): Promise<string> {
    checkTopic("position: topic", topic);
    const history = this.#historyOf(topic);
    if (history === undefined)
      throw new InvalidArgumentError(`position: the topic ${JSON.stringify(topic)} has no history`);
    return this.#reportRejection("read", history.node.position(topic, history.rule));
  }

  /** See `wss.presence`. */
  presence(topic: unknown, options: unknown): Promise<PresenceList> {
    checkTopic("presence: topic", topic);
    const limit = readLimit(options);
    const node = this.#node;
    if (node === undefined) return Promise.resolve({ total: 0, members: [] });
    const list = node
      .whenReady(this.settings.publishTimeout)
      .then(() => presenceList(node.driver.members(topic, limit), () => node.onForeign()));
    return this.#reportRejection("presence", list);
  }

  /** The server is about to end: tells the others. */
  drain(): void {
    this.#node?.drain();
  }

  /** Leaves the other servers. When `over` resolves, nothing is awaited any more. */
  async close(over: Promise<void>): Promise<void> {
    this.#lingering.clear();
    await this.#history?.close(over);
    this.#presence?.clear();
    await this.#node?.close(over);
  }

  // Calls of the node.

  onHistory(topic: string, head: HistoryHead, records: readonly Bytes[]): void {
    this.#history?.onRecords(topic, head, records);
  }

  onRecord(topic: string | undefined, record: DecodedRecord): boolean {
    const find = (name: string): readonly WebSocketConnection[] | undefined => this.#topics.list(name);
    if (record.kind === RecordKind.broadcast) {
      if (record.to === undefined) return false;
      return sendToMany(messageOf(record), broadcastReceivers(record.to, this.#connections.list, find)) > 0;
    }
    if (topic === undefined) return false;
    // The last one who leaves is no subscriber any more.
    if (record.kind !== RecordKind.message)
      return tellPresence(topic, record, { framed: this.#topics.framed(topic), reporter: this.#reporter });
    const from = find(topic);
    if (from === undefined) return false;
    this.#send(topic, messageOf(record), { from, except: undefined });
    return true;
  }

  onBeat(isBack: boolean, wasExpired: boolean): void {
    this.#presence?.onBeat(isBack, wasExpired);
    this.#history?.onBeat();
  }

  onLost(topics: readonly string[] | "all"): void {
    this.#history?.onLost(topics);
  }

  onStatus(status: BackplaneStatus, reason: unknown): void {
    if (!this.#isJoined) return;
    // The first one may come while the server is being made.
    queueMicrotask(() => this.#reporter.dispatchBackplane({ type: "backplane", status, reason }));
  }

  onFailed(stage: BackplaneStage, error: unknown): void {
    this.#errors.report(stage, error);
  }

  /** Whether other servers may be there. */
  get #isJoined(): boolean {
    return this.settings.backplane !== undefined;
  }

  #lingerIfUnused(topic: string): void {
    const isWanted = this.#isJoined || this.#presence !== undefined;
    if (isWanted && this.#topics.list(topic) === undefined && this.#historyOf(topic) === undefined)
      this.#lingering.add(topic);
  }

  #forget(topics: readonly string[]): void {
    for (const topic of topics) if (this.#topics.list(topic) === undefined) this.#node?.wanted.remove(topic);
  }

  /** What keeps the history of a topic, and its rule; undefined: it has none. */
  #historyOf(topic: string): HistorySource | undefined {
    const rule = this.settings.history?.ruleOf(topic);
    return rule === undefined || this.#history === undefined ? undefined : { node: this.#history, rule };
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
    checkStoredSize(payload, this.settings.maxMessageSize);
    const mayCompress = compression !== Compression.forbidden;
    const message = { payload, isBinary: opcode === Opcode.binary, mayCompress, id, except };
    return this.#reportRejection("publish", node.publish(topic, rule, message));
  }

  /** A rejection that nobody awaits must not end the process: it is counted, and the server's handler knows. */
  #reportRejection<Result>(stage: BackplaneStage, promise: Promise<Result>, ws?: WebSocketConnection): Promise<Result> {
    promise.catch((error: unknown) => this.#errors.report(stage, error, ws));
    return promise;
  }

  #refuse(ws: WebSocketConnection, topic: string, limit: TopicLimit): Promise<never> {
    const error = new HawserError("HWS_TOO_MANY_TOPICS", `${limit}: ${JSON.stringify(topic)}`);
    this.#reporter.dispatchError(error, "library", true, ws);
    const refused = Promise.reject(error);
    // Whoever does not await it must not end the process: the handler of the server knows.
    refused.catch(() => undefined);
    return refused;
  }
}
