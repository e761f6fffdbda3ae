import type { WSDrainEvent, WSErrorEvent, WSMessageEvent, WSTerminateEvent } from "../../connection/dispatch/events.ts";
import { InvalidArgumentError } from "../../errors/errors.ts";
import { attempt } from "../../util/attempt.ts";
import { isThenable } from "../../util/thenable.ts";
import { checkClientHandler } from "../client-socket.ts";
import type { WSClientOpenEvent, WSReconnectedEvent, WSReconnectingEvent } from "../events.ts";
import type { ClientHandler } from "../handler.ts";
import type { ClientTopics } from "./client-topics.ts";
import type { TopicClientHandler, TopicSocket } from "./handler.ts";
import type { TopicDataSettings } from "./options.ts";
import { topicData } from "./topic-data.ts";
import { readTopicLine } from "./topic-line.ts";

/** The callbacks that only clients with topics have. */
const TOPIC_CALLBACKS = ["onTopic", "onGap", "onJoin", "onLeave", "onUnsubscribed"];

/**
 * Checks the handler of a client with topics.
 *
 * @throws {InvalidArgumentError} when it is not an object, or one of its callbacks is not a function
 */
export function checkTopicHandler(handler: unknown): asserts handler is TopicClientHandler {
  checkClientHandler(handler);
  if ((handler as ClientHandler).onMessageStart)
    throw new InvalidArgumentError("handler: onMessageStart: with topics a message comes only as a whole");
  for (const name of TOPIC_CALLBACKS) {
    const callback = (handler as Record<string, unknown>)[name];
    if (callback !== undefined && callback !== null && typeof callback !== "function")
      throw new InvalidArgumentError(`handler: ${name}: expected a function`);
    if (name.toLowerCase() in (handler as object))
      throw new InvalidArgumentError(`handler: ${name.toLowerCase()}: did you mean ${name}?`);
  }
}

/** The handler of the client below: it takes the lines of topics out of the messages, and passes everything else on. */
export class TopicCallbacks {
  readonly headers: TopicClientHandler["headers"];
  readonly onDrain: ((ws: unknown, event: WSDrainEvent) => unknown) | undefined;
  readonly onError: ((ws: unknown, event: WSErrorEvent) => unknown) | undefined;
  readonly onReconnecting: ((ws: unknown, event: WSReconnectingEvent) => unknown) | undefined;
  readonly #handler: TopicClientHandler;
  readonly #topics: ClientTopics;
  readonly #settings: TopicDataSettings;

  constructor(handler: TopicClientHandler, topics: ClientTopics, settings: TopicDataSettings) {
    this.#handler = handler;
    this.#topics = topics;
    this.#settings = settings;
    this.headers = handler.headers;
    // Without them the client does something of its own, such as a warning.
    if (has(handler, "onDrain")) this.onDrain = (_ws, event) => handler.onDrain?.(this.#client, event);
    if (has(handler, "onError")) this.onError = (_ws, event) => handler.onError?.(this.#client, event);
    if (has(handler, "onReconnecting"))
      this.onReconnecting = (_ws, event) => handler.onReconnecting?.(this.#client, event);
  }

  get #client(): TopicSocket {
    return this.#topics.client;
  }

  onOpen(_ws: unknown, event: WSClientOpenEvent): unknown {
    return this.#open(event, undefined);
  }

  onReconnected(_ws: unknown, event: WSReconnectedEvent): unknown {
    return this.#open({ type: "open", reconnected: true }, event);
  }

  onMessage(_ws: unknown, { data: message }: WSMessageEvent<string | Uint8Array>): unknown {
    const line = this.#topics.isAgreed ? readTopicLine(message) : undefined;
    if (line !== undefined) return this.#topics.onLine(line, () => topicData(line.data, this.#settings));
    if (!has(this.#handler, "onMessage")) return undefined;
    const decoded = topicData(message, this.#settings);
    return decoded && this.#handler.onMessage?.(this.#client, { type: "message", data: decoded.data });
  }

  onTerminate(_ws: unknown, event: WSTerminateEvent): unknown {
    this.#topics.onTerminated(event.cause);
    return this.#handler.onTerminate?.(this.#client, event);
  }

  /** The server is asked for topics when `onOpen` has settled. */
  #open(event: WSClientOpenEvent, again: WSReconnectedEvent | undefined): unknown {
    this.#topics.onConnected(again);
    const opened = this.#handler.onOpen?.(this.#client, event);
    return isThenable(opened)
      ? Promise.resolve(opened).then(() => this.#topics.onSignedIn())
      : this.#topics.onSignedIn();
  }
}

/** Whether a handler has a callback: one in JavaScript may be null, and a getter may throw. */
function has(handler: object, name: keyof TopicClientHandler): boolean {
  return attempt(() => typeof (handler as TopicClientHandler)[name] === "function") === true;
}
