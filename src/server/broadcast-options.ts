import { InvalidArgumentError } from "../errors/errors.ts";
import { describe } from "../util/describe.ts";
import { isThenable } from "../util/thenable.ts";
import { type ConnectionList, connectionsOf } from "./connection-list.ts";
import type { ConnectionHandler, ConnectionHandlerType } from "./handlers.ts";
import type { Receivers } from "./send-to-many.ts";
import type { WebSocketConnection } from "./websocket-connection.ts";

/** Options of `broadcast`. `H` is the type of the connections' handlers. */
export interface BroadcastOptions<H extends ConnectionHandlerType = ConnectionHandler> {
  /**
   * Who gets the message: a connection, several, or a function that is asked about each. Default: all. One that comes twice gets it
   * once.
   *
   * @example
   * wss.broadcast("hello", { to: (client) => client.handler.team === "red" });
   */
  readonly to?: ConnectionList | ((connection: WebSocketConnection<H>) => boolean) | undefined;
  /** A connection, or several, that do not get the message. */
  readonly except?: ConnectionList | undefined;
  /** A topic, or several: only their subscribers get the message, each once. With `to`, only those of them that `to` names. */
  readonly topics?: string | Iterable<string>;
  /** A topic, or several, whose subscribers do not get the message. */
  readonly exceptTopics?: string | Iterable<string>;
  /** With `sendQueuePolicy: "latest"`, a waiting message is replaced by a newer one with the same key. */
  readonly key?: string | undefined;
  /** Whether the message may be compressed. Default true. */
  readonly compress?: boolean | undefined;
}

/** Options of `ws.publish`. */
export interface TopicMessageOptions {
  /**
   * With `sendQueuePolicy: "latest"`, a waiting message is replaced by a newer one with the same key. Not for topics with history, of which
   * nothing is replaced.
   */
  readonly key?: string | undefined;
  /** Whether the message may be compressed. Default true. */
  readonly compress?: boolean | undefined;
  /**
   * Your own name for the message, at most 128 bytes; only for topics with history. A second message with the same `id` within two minutes is a
   * duplicate, and is not stored: so a call may be repeated.
   */
  readonly id?: string | undefined;
}

/** Options of `wss.publish`. */
export interface PublishOptions extends TopicMessageOptions {
  /** A connection, or several, that do not get the message. */
  readonly except?: ConnectionList | undefined;
}

/** Finds the subscribers of a topic; undefined: none. `what` is the option, for the message of an error. */
export type FindSubscribers = (what: string, topic: string) => readonly WebSocketConnection[] | undefined;

/**
 * Finds the connections that get a broadcast.
 *
 * @param server the server (connections of another one are refused), all its connections, and what finds those of a topic
 * @throws {InvalidArgumentError} for an option of another type, or a connection of another server in `to`
 */
export function receiversOf(
  server: { readonly wss: object; readonly all: readonly WebSocketConnection[]; readonly find: FindSubscribers },
  options: BroadcastOptions,
): Receivers {
  const { wss, all, find } = server;
  const { to, except } = options;
  // One that is there and undefined is a mistake: the message would reach everybody.
  const inTopics = "topics" in options ? subscribersOf("broadcast: topics", options.topics, find) : undefined;
  const notTo = "exceptTopics" in options ? subscribersOf("broadcast: exceptTopics", options.exceptTopics, find) : [];
  const excluded = new Set([...(connectionsOf("broadcast: except", except) ?? []), ...notTo]);
  if (typeof to === "function")
    return { from: [...(inTopics ?? all)].filter((one) => isMeant(to(one))), except: excluded };
  const chosen = connectionsOf("broadcast: to", to, true);
  for (const connection of chosen ?? [])
    if ((connection.wss as object) !== wss)
      throw new InvalidArgumentError("broadcast: to: expected connections of this server, got one of another");
  if (chosen === undefined) return { from: inTopics ?? all, except: excluded };
  return { from: inTopics === undefined ? chosen : [...inTopics].filter((one) => chosen.has(one)), except: excluded };
}

/** A promise would mean everybody: it is an object. */
function isMeant(answer: unknown): boolean {
  if (!isThenable(answer)) return Boolean(answer);
  // Its rejection must not end the process: whoever has called is told.
  answer.then(undefined, () => undefined);
  throw new InvalidArgumentError("broadcast: to: the function returned a promise: it must return true or false");
}

/** The subscribers of all topics of an option, each once. */
function subscribersOf(what: string, topics: unknown, find: FindSubscribers): Iterable<WebSocketConnection> {
  if (typeof topics === "string") return find(what, topics) ?? [];
  if (!isIterable(topics))
    throw new InvalidArgumentError(`${what}: expected a topic, or several in a list, got ${describe(topics)}`);
  const found = new Set<WebSocketConnection>();
  for (const topic of topics) for (const one of find(what, topic) ?? []) found.add(one);
  return found;
}

function isIterable(value: unknown): value is Iterable<string> {
  return typeof value === "object" && value !== null && Symbol.iterator in value;
}
