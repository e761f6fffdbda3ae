import { HawserError } from "../../errors/errors.ts";
import { readMember } from "../../topics/presence-member.ts";
import { TOPIC_PROTOCOL } from "../../topics/topic-request.ts";
import { checkTopic } from "../../topics/topic-name.ts";
import { isThenable } from "../../util/thenable.ts";
import type { WSReconnectedEvent } from "../events.ts";
import type { ClientSubscribeOptions, ClientSubscription, TopicClientHandler, TopicSocket } from "./handler.ts";
import { readClientSubscribe } from "./options.ts";
import { WantedTopic } from "./subscription.ts";
import { type TopicLine, subscribeLine, unsubscribeLine } from "./topic-line.ts";

/** Milliseconds until a topic is asked for again that the server could not read: at least, and the range of chance above it. */
const RETRY_MS = 1_000;
const RETRY_RANGE_MS = 4_000;

/** The most topics that a client has when the server subscribes it to one more that it has not asked for. */
const MAX_UNASKED = 1_000;

/** The flags of a `u`. */
const [TOO_MANY, UNAVAILABLE, BY_SERVER] = ["429", "503", "1000"];

/** The topics that a client wants: it asks for them on each connection, and remembers how far it has come. */
export class ClientTopics {
  /** Set by the client. */
  client!: TopicSocket;
  readonly #handler: TopicClientHandler;
  readonly #wanted = new Map<string, WantedTopic>();
  /** The positions that were given, of topics that the client has not subscribed to yet. */
  readonly #saved: Map<string, string>;
  /** How many `u` must come for each topic on this connection before a line is about what is wanted now. */
  readonly #ending = new Map<string, number>();
  /** The sign-in of this connection is over. */
  #isReady = false;
  /** What `onReconnected` is told when the server has answered for all topics; undefined: it was told. */
  #back: WSReconnectedEvent | undefined;
  /** No gap was told since the loss. */
  #isRecovered = true;
  #isOver = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(handler: TopicClientHandler, positions: ReadonlyMap<string, string>) {
    this.#handler = handler;
    this.#saved = new Map(positions);
  }

  /** Whether messages may have header lines. */
  get isAgreed(): boolean {
    return this.client.protocol === TOPIC_PROTOCOL;
  }

  /** How far the client has come on each topic with history. */
  get positions(): Readonly<Record<string, string>> {
    const positions = new Map(this.#saved);
    for (const { topic, position } of this.#wanted.values()) if (position !== undefined) positions.set(topic, position);
    return Object.fromEntries(positions);
  }

  /** See `TopicClient`. */
  subscribe(topic: string, options: ClientSubscribeOptions): Promise<ClientSubscription> {
    checkTopic("subscribe: topic", topic);
    const { since = this.#saved.get(topic), last } = readClientSubscribe(options);
    const known = this.#wanted.get(topic);
    if (known !== undefined) return known.begun;
    const wanted = new WantedTopic(topic, since, last);
    if (this.#isOver) wanted.fail(new HawserError("HWS_UNSUBSCRIBED", "the client has ended"));
    else if (this.#isReady && !this.isAgreed) wanted.fail(new HawserError("HWS_NO_TOPICS"));
    else {
      this.#saved.delete(topic);
      this.#wanted.set(topic, wanted);
      if (this.#isReady) this.#ask(wanted);
    }
    return wanted.begun;
  }

  /** See `TopicClient`. */
  unsubscribe(topic: string): boolean {
    checkTopic("unsubscribe: topic", topic);
    const wanted = this.#wanted.get(topic);
    this.#saved.delete(topic);
    if (wanted === undefined) return false;
    this.#wanted.delete(topic);
    wanted.fail(new HawserError("HWS_UNSUBSCRIBED", "unsubscribe was called"));
    if (this.#isReady && this.isAgreed && this.#send(unsubscribeLine(topic)))
      this.#ending.set(topic, (this.#ending.get(topic) ?? 0) + 1);
    return true;
  }

  /** There is a connection, and nothing is known of its topics. `again`: it is not the first one. */
  onConnected(again: WSReconnectedEvent | undefined): void {
    this.#isReady = false;
    this.#ending.clear();
    clearTimeout(this.#timer);
    this.#timer = undefined;
    // What is missing since a connection that was lost before `onReconnected` is still missing.
    if (this.#back === undefined) this.#isRecovered = true;
    this.#back = again;
    for (const wanted of this.#wanted.values()) wanted.isLive = false;
  }

  /** `onOpen` has settled: asks for all topics. */
  onSignedIn(): unknown {
    this.#isReady = true;
    for (const wanted of [...this.#wanted.values()]) {
      if (this.isAgreed) this.#ask(wanted);
      else if (!wanted.hasBegun) this.#fail(wanted, new HawserError("HWS_NO_TOPICS"));
    }
    return this.#tellIfBack();
  }

  /** A line of the server. Returns what its callback returns. */
  onLine(line: TopicLine, data: () => { readonly data: unknown } | undefined): unknown {
    const { kind, topic, position } = line;
    const ending = this.#ending.get(topic);
    if (ending !== undefined) {
      if (kind === "u" && ending > 1) this.#ending.set(topic, ending - 1);
      else if (kind === "u") this.#ending.delete(topic);
      // It may have been the last one without an answer.
      return this.#tellIfBack();
    }
    const wanted = this.#wanted.get(topic);
    if (kind === "s") return this.#onSubscribed(wanted, line);
    if (kind === "u") return this.#onEnded(wanted, line);
    if (wanted?.isLive !== true) return undefined;
    if (kind === "j" || kind === "l") return this.#tellPresence(line);
    if (kind !== "m" && kind !== "g") return undefined;
    wanted.position = position;
    if (kind === "g") return this.#tellGap(line, line.flag as "reset");
    const message = data();
    return message && this.#handler.onTopic?.(this.client, { type: "topic", topic, data: message.data, position });
  }

  /** The client has ended. */
  onTerminated(cause: unknown): void {
    this.#isOver = true;
    this.#isReady = false;
    clearTimeout(this.#timer);
    for (const wanted of this.#wanted.values())
      wanted.fail(new HawserError("HWS_UNSUBSCRIBED", "the client has ended", { cause }));
  }

  #tellPresence({ kind, topic, data }: TopicLine): unknown {
    const member = readMember(String(data));
    if (member === undefined) return undefined;
    const { client } = this;
    return kind === "j"
      ? this.#handler.onJoin?.(client, { type: "join", topic, member })
      : this.#handler.onLeave?.(client, { type: "leave", topic, member });
  }

  /** Asks for a topic, unless there is no connection: then the next one does. */
  #ask(wanted: WantedTopic): void {
    const line = subscribeLine(wanted.topic, wanted.position, wanted.last);
    if (!this.#send(line) && this.client.status === "Connected") this.#askLater();
  }

  /** Sends a line. Returns false if it was dropped, because too much waits, or because the connection is lost. */
  #send(line: string): boolean {
    const { client } = this;
    // What waits for the next connection would come after its own lines.
    if (client.status !== "Connected") return false;
    const { dropped } = client.counters;
    return client.send(line) || client.counters.dropped === dropped;
  }

  /** Asks again for what has no answer. If the connection is lost meanwhile, the next one asks. */
  #askLater(): void {
    this.#timer ??= setTimeout(
      () => {
        this.#timer = undefined;
        for (const wanted of [...this.#wanted.values()]) if (!wanted.isLive) this.#ask(wanted);
      },
      RETRY_MS + Math.random() * RETRY_RANGE_MS,
    );
  }

  #onSubscribed(known: WantedTopic | undefined, line: TopicLine): unknown {
    const { topic, position, flag } = line;
    const wanted = known ?? this.#unasked(topic);
    const before = wanted.position;
    // Without a flag the server has not looked at our position: it has subscribed the client by itself.
    const isSame = before === undefined ? undefined : before === position;
    const recovered = flag === "-" ? isSame : flag === "1";
    wanted.begin(position, recovered);
    if (recovered !== false) return this.#tellIfBack();
    return inOrder(this.#tellGap(line, "unrecovered"), () => this.#tellIfBack());
  }

  /** The server may subscribe a client that has not asked. It must not fill its memory: an error ends the client. */
  #unasked(topic: string): WantedTopic {
    checkTopic("a topic that the server has chosen", topic);
    if (this.#wanted.size >= MAX_UNASKED) throw new HawserError("HWS_TOO_MANY_TOPICS", "the server has chosen them");
    const wanted = new WantedTopic(topic, undefined, undefined);
    this.#wanted.set(topic, wanted);
    return wanted;
  }

  #onEnded(wanted: WantedTopic | undefined, { topic, flag }: TopicLine): unknown {
    if (wanted === undefined) return undefined;
    // It had the topic before: the broker comes back.
    if (flag === UNAVAILABLE && wanted.hasBegun) {
      wanted.isLive = false;
      this.#askLater();
      return undefined;
    }
    if (!wanted.hasBegun) {
      this.#fail(wanted, refusal(flag));
      return undefined;
    }
    this.#wanted.delete(topic);
    const event = { type: "unsubscribed", topic, status: Number(flag) } as const;
    return inOrder(this.#handler.onUnsubscribed?.(this.client, event), () => this.#tellIfBack());
  }

  #fail(wanted: WantedTopic, error: HawserError): void {
    this.#wanted.delete(wanted.topic);
    wanted.fail(error);
  }

  #tellGap({ topic, position }: TopicLine, reason: "unrecovered" | "reset"): unknown {
    this.#isRecovered = false;
    return this.#handler.onGap?.(this.client, { type: "gap", topic, reason, position });
  }

  /** Calls `onReconnected` when the server has answered for all topics that the client had before. */
  #tellIfBack(): unknown {
    const back = this.#back;
    if (back === undefined) return undefined;
    for (const { hasBegun, isLive } of this.#wanted.values()) if (hasBegun && !isLive) return undefined;
    const recovered = this.#isRecovered;
    this.#back = undefined;
    return this.#handler.onReconnected?.(this.client, { ...back, recovered });
  }
}

/** Why the server has not subscribed the client. */
function refusal(flag: string): HawserError {
  if (flag === TOO_MANY) return new HawserError("HWS_TOO_MANY_TOPICS");
  if (flag === UNAVAILABLE) return new HawserError("HWS_BACKPLANE_AWAY");
  if (flag === BY_SERVER) return new HawserError("HWS_UNSUBSCRIBED", "the server has ended it");
  return new HawserError("HWS_SUBSCRIBE_REFUSED");
}

/** Runs `next` when the result of a callback has settled. */
function inOrder(result: unknown, next: () => unknown): unknown {
  return isThenable(result) ? Promise.resolve(result).then(next) : next();
}
