import { InvalidArgumentError } from "../errors/errors.ts";
import { describe } from "../util/describe.ts";
import { isThenable } from "../util/thenable.ts";
import { TokenBucket } from "../util/token-bucket.ts";
import { topicHeader } from "../topics/topic-frame.ts";
import { TOPIC_PROTOCOL, type TopicRequest } from "../topics/topic-request.ts";
import { linesSent, sendHeader } from "./header-lines.ts";
import type { ServerTopics } from "./server-topics.ts";
import { type SubscribeSettings, readSubscribeOptions } from "./subscribe-options.ts";
import type { Subscription } from "./subscription.ts";
import { topicsOf } from "./topics-of.ts";
import type { WebSocketConnection } from "./websocket-connection.ts";
import type { WSSubscribeEvent } from "./handlers.ts";

/** The most subscriptions of one client that begin at the same time. Each may read from the broker. The next requests wait. */
const MAX_BEGINNING = 64;

/**
 * How many topics a second a client may get over a long time: each makes work for the broker, and leaves something for a while. As many as
 * `maxTopicsPerConnection` it may get at once.
 */
const TOPICS_PER_SECOND = 20;

/** Why a request is refused, as an HTTP status. */
const FORBIDDEN = "403";
const TOO_MANY = "429";
const UNAVAILABLE = "503";

/** A handler, as far as it decides about requests. */
interface RequestHandler {
  onSubscribe?(ws: WebSocketConnection, event: WSSubscribeEvent): unknown;
}

/** Answers the requests of one client. */
export class TopicRequests {
  readonly #ws: WebSocketConnection;
  readonly #topics: ServerTopics;
  /** The subscriptions that have begun, and whose history is read. */
  readonly #beginning = new Map<string, TopicRequest>();
  /** How many there are, with those that the client has left meanwhile. */
  #underWay = 0;
  readonly #pace: TokenBucket;

  constructor(ws: WebSocketConnection) {
    this.#ws = ws;
    this.#topics = topicsOf(ws);
    this.#pace = new TokenBucket(TOPICS_PER_SECOND, performance.now(), this.#topics.settings.maxTopicsPerConnection);
  }

  /** Answers a request. If it returns a promise, the next callback waits for it. It throws, or rejects, as `onSubscribe` does. */
  answer(request: TopicRequest, handler: RequestHandler): unknown {
    const answered = this.#answer(request, handler);
    const lines = linesSent(this.#ws);
    return lines === undefined ? answered : Promise.all([answered, lines]);
  }

  #answer(request: TopicRequest, handler: RequestHandler): unknown {
    const { isSubscribe, topic, since, last } = request;
    if (!isSubscribe) {
      this.#beginning.delete(topic);
      this.#topics.unsubscribe(this.#ws, topic);
      return undefined;
    }
    // It has the topic: as for `ws.subscribe`, nothing changes.
    if (this.#ws.topics.has(topic)) return undefined;
    if (typeof handler.onSubscribe !== "function") return this.#decide(request, false);
    const event: WSSubscribeEvent = { type: "subscribe", topic, since, last };
    const answer: unknown = handler.onSubscribe(this.#ws, event);
    if (!isThenable(answer)) return this.#decide(request, answer);
    return Promise.resolve(answer).then((settled) => this.#decide(request, settled));
  }

  #decide(request: TopicRequest, answer: unknown): unknown {
    const { since, last } = request;
    if (answer === false || answer === null || answer === undefined) {
      this.#refuse(request, FORBIDDEN);
      return undefined;
    }
    if (answer !== true && typeof answer !== "object")
      throw new InvalidArgumentError(`onSubscribe: expected true, false or options, got ${describe(answer)}`);
    // What they leave out is as the client has asked.
    const options = answer === true ? { since, last } : { since, last, ...answer };
    // What is wrong with them is the handler's failure.
    return this.#subscribe(request, readSubscribeOptions(options, TOPIC_PROTOCOL));
  }

  #subscribe(request: TopicRequest, options: SubscribeSettings): Promise<void> | undefined {
    const begun = this.#topics.begin(this.#ws, request.topic, options);
    // A limit is counted, and the client is told. The server's handler is not: a client may ask often.
    if (typeof begun === "string") {
      this.#refuse(request, TOO_MANY);
      return undefined;
    }
    const wait = this.#pace.take(1, performance.now());
    let full: Promise<void> | undefined;
    if (begun instanceof Promise) full = this.#waitFor(request, begun);
    else this.#countIfLive(begun);
    if (wait === 0) return full;
    this.#topics.requests.delayed++;
    return Promise.all([full, pause(wait)]).then(noValue);
  }

  /** Waits for a history that is read. Returns a promise if enough are read at the same time. */
  #waitFor(request: TopicRequest, begun: Promise<Subscription>): Promise<void> | undefined {
    this.#beginning.set(request.topic, request);
    this.#underWay++;
    const settled = begun.then(
      (subscription) => {
        this.#end(request);
        this.#countIfLive(subscription);
      },
      () => {
        const isWanted = this.#end(request);
        this.#topics.requests.failed++;
        // Otherwise the client, or the application, has left the topic meanwhile. The server's handler has the error.
        if (isWanted) this.#tell(request, UNAVAILABLE);
      },
    );
    return this.#underWay < MAX_BEGINNING ? undefined : settled;
  }

  /** A history was read, or could not be read. Returns whether the client wants it still. */
  #end(request: TopicRequest): boolean {
    this.#underWay--;
    return this.#beginning.get(request.topic) === request && this.#beginning.delete(request.topic);
  }

  /** Who has left, or closed, meanwhile has not subscribed. */
  #countIfLive({ live }: Subscription): void {
    if (live) this.#topics.requests.granted++;
  }

  #refuse(request: TopicRequest, flag: string): void {
    this.#topics.requests.refused++;
    this.#tell(request, flag);
  }

  #tell({ topic }: TopicRequest, flag: string): void {
    sendHeader(this.#ws, topicHeader("u", undefined, flag, topic));
  }
}

function noValue(): void {
  // Only that it has settled counts.
}

/** Resolves after `ms` milliseconds. It keeps no process alive. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms).unref());
}
