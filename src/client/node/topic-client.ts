import type { DataType } from "../../connection/receiving/decode.ts";
import { whenOpen } from "../client-socket.ts";
import type { Provided } from "../handler.ts";
import type { ClientTopics } from "../topics/client-topics.ts";
import type {
  ClientSubscribeOptions,
  ClientSubscription,
  TopicClientHandler,
  TopicClientOptions,
} from "../topics/handler.ts";
import { topicSetup } from "../topics/topic-setup.ts";
import { WebSocket } from "./websocket.ts";

/**
 * A client that subscribes to topics of a Hawser server whose handler has `onSubscribe`. It is a `WebSocket` of `hawser/client`, with its
 * members, callbacks and options.
 *
 * @example
 * const client = new TopicClient("wss://example.com/live", {
 *   onTopic(ws, { topic, data }) { console.log(topic, data); },
 *   onGap(ws, { topic }) { reload(topic); },
 * }, { reconnect: true });
 * await client.subscribe("chat:7", { last: 50 });
 */
export class TopicClient<H extends object = object, S = unknown, T extends DataType = "text"> extends WebSocket<
  H,
  S,
  T
> {
  readonly #topics: ClientTopics;

  /**
   * Makes a client, and connects it. It offers the subprotocol `hawser.v1`.
   *
   * @param handler any object; its callbacks are called as its methods
   * @throws {InvalidArgumentError} for a wrong argument, or an option that does not exist
   * @throws {OutOfRangeError} for a number out of range
   */
  constructor(
    url: Provided<string | URL>,
    handler?: H & TopicClientHandler<S, T>,
    options: TopicClientOptions<T> = {},
  ) {
    const setup = topicSetup(handler ?? {}, options);
    super(url, setup.handler as H, setup.options as TopicClientOptions<T>);
    this.#topics = setup.topics;
    setup.finish(this);
  }

  /** Makes a client, and waits until it is connected and `onOpen` has settled. Rejects with what ended the client before. */
  static override connect<H extends object = object, S = unknown, T extends DataType = "text">(
    url: Provided<string | URL>,
    handler?: H & TopicClientHandler<S, T>,
    options?: TopicClientOptions<T>,
  ): Promise<TopicClient<H, S, T>> {
    return whenOpen(new TopicClient<H, S, T>(url, handler, options));
  }

  /** How far the client has come on each topic with history: keep it, and give it to a later client as the option `positions`. */
  get positions(): Readonly<Record<string, string>> {
    return this.#topics.positions;
  }

  /**
   * Subscribes to a topic, on this connection and on all later ones. After a reconnect the client asks for what it has missed. A second
   * call for the same topic changes nothing. Do not await it in a callback: the answer comes after the callback has settled.
   *
   * @returns resolves with the server's answer. Rejects with a `HawserError`: `HWS_SUBSCRIBE_REFUSED`; `HWS_TOO_MANY_TOPICS`;
   *   `HWS_BACKPLANE_AWAY`: try again later; `HWS_NO_TOPICS`: the server has not chosen `hawser.v1`; `HWS_UNSUBSCRIBED`: by `unsubscribe`,
   *   by the server, or because the client has ended. A rejection counts as handled
   * @throws {InvalidArgumentError} for a topic or an option of another type
   * @throws {OutOfRangeError} for a topic that is empty or too long, or a number out of range
   */
  subscribe(topic: string, options: ClientSubscribeOptions = {}): Promise<ClientSubscription> {
    return this.#topics.subscribe(topic, options);
  }

  /**
   * Ends a subscription, and forgets its position. No message of the topic is delivered after it.
   *
   * @returns whether the client wanted the topic
   */
  unsubscribe(topic: string): boolean {
    return this.#topics.unsubscribe(topic);
  }
}
