import type { DispatcherOwner } from "../connection/dispatch/dispatcher-owner.ts";
import type { HandlerCallbacks } from "../connection/dispatch/handler-callbacks.ts";
import { HandlerDispatcher } from "../connection/dispatch/handler-dispatcher.ts";
import type { RateLimiter } from "../connection/receiving/rate-limiter.ts";
import { TopicRequest } from "../topics/topic-request.ts";
import { TopicRequests } from "./topic-requests.ts";
import type { WebSocketConnection } from "./websocket-connection.ts";

/** The callbacks of a handler, with the one for requests. */
interface RequestCallbacks extends HandlerCallbacks {
  /** Its client asks for a topic. */
  onSubscribe?(connection: unknown, event: object): unknown;
}

/**
 * Calls the handler of a connection whose client asks for topics. A request waits, and is counted, as a message. A class of its own:
 * otherwise every message of every connection would be looked at.
 */
export class RequestDispatcher extends HandlerDispatcher {
  readonly #client: Pick<DispatcherOwner, "publicConnection">;
  #requests: TopicRequests | undefined;

  constructor(handler: HandlerCallbacks, owner: DispatcherOwner, rateLimiter?: RateLimiter) {
    super(handler, owner, rateLimiter);
    this.#client = owner;
  }

  protected override callOnMessage(data: unknown): void {
    if (data instanceof TopicRequest) this.call(() => this.#answer(data), "onSubscribe");
    else super.callOnMessage(data);
  }

  #answer(request: TopicRequest): unknown {
    this.#requests ??= new TopicRequests(this.#client.publicConnection as WebSocketConnection);
    return this.#requests.answer(request, this.handler as RequestCallbacks);
  }
}
