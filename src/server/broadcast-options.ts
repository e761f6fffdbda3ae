import type { BroadcastTopics } from "../backplane/record.ts";
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
  /** With a `backplane`: only connections of this server get the message. With `to` it is always so. Default false. */
  readonly local?: boolean | undefined;
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

/** Who gets a broadcast. */
export interface BroadcastReceivers extends Receivers {
  /** Those of the other servers; undefined: none. */
  readonly elsewhere: BroadcastTopics | undefined;
}

/**
 * Finds the connections that get a broadcast.
 *
 * @param server the server (connections of another one are refused), all its connections, and what finds those of a topic
 * @throws {InvalidArgumentError} for an option of another type, or a connection of another server in `to`
 */
export function receiversOf(
  server: { readonly wss: object; readonly all: readonly WebSocketConnection[]; readonly find: FindSubscribers },
  options: BroadcastOptions,
): BroadcastReceivers {
  const { wss, all, find } = server;
  const { to, except, local } = options;
  if (local !== undefined && typeof local !== "boolean")
    throw new InvalidArgumentError(`broadcast: local: expected true or false, got ${describe(local)}`);
  // One that is there and undefined is a mistake: the message would reach everybody.
  const topics = "topics" in options ? topicList("broadcast: topics", options.topics) : undefined;
  const notTopics = "exceptTopics" in options ? topicList("broadcast: exceptTopics", options.exceptTopics) : [];
  const inTopics = topics === undefined ? undefined : subscribersOf("broadcast: topics", topics, find);
  const notTo = subscribersOf("broadcast: exceptTopics", notTopics, find);
  const excluded = new Set([...(connectionsOf("broadcast: except", except) ?? []), ...notTo]);
  // A connection, and a function that knows connections, are of this server.
  const isHere = local === true || to !== undefined || topics?.length === 0;
  const elsewhere = isHere ? undefined : { topics: topics ?? [], exceptTopics: notTopics };
  return { from: meantBy(to, inTopics, { wss, all }), except: excluded, elsewhere };
}

/** Those that `to` names, of those that have one of the topics. */
function meantBy(
  to: BroadcastOptions["to"],
  inTopics: Iterable<WebSocketConnection> | undefined,
  { wss, all }: { readonly wss: object; readonly all: readonly WebSocketConnection[] },
): Iterable<WebSocketConnection> {
  if (typeof to === "function") return [...(inTopics ?? all)].filter((one) => isMeant(to(one)));
  const chosen = connectionsOf("broadcast: to", to, true);
  for (const connection of chosen ?? [])
    if ((connection.wss as object) !== wss)
      throw new InvalidArgumentError("broadcast: to: expected connections of this server, got one of another");
  if (chosen === undefined) return inTopics ?? all;
  return inTopics === undefined ? chosen : [...inTopics].filter((one) => chosen.has(one));
}

/** A promise would mean everybody: it is an object. */
function isMeant(answer: unknown): boolean {
  if (!isThenable(answer)) return Boolean(answer);
  // Its rejection must not end the process: whoever has called is told.
  answer.then(undefined, () => undefined);
  throw new InvalidArgumentError("broadcast: to: the function returned a promise: it must return true or false");
}

/** The topics of an option, each once. */
function topicList(what: string, topics: unknown): readonly string[] {
  if (typeof topics === "string") return [topics];
  if (!isIterable(topics))
    throw new InvalidArgumentError(`${what}: expected a topic, or several in a list, got ${describe(topics)}`);
  return [...new Set(topics)];
}

/** The subscribers of topics, each once. */
function subscribersOf(what: string, topics: readonly string[], find: FindSubscribers): Iterable<WebSocketConnection> {
  const [first] = topics;
  if (first === undefined) return [];
  if (topics.length === 1) return find(what, first) ?? [];
  return new Set(topics.flatMap((topic) => find(what, topic) ?? []));
}

function isIterable(value: unknown): value is Iterable<string> {
  return typeof value === "object" && value !== null && Symbol.iterator in value;
}
