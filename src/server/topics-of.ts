import { InvalidArgumentError } from "../errors/errors.ts";
import type { ServerTopics } from "./server-topics.ts";

/** The topics of each server. A field of each connection would cost memory also without topics. */
const topicsOfServers = new WeakMap<object, ServerTopics>();

/** Notes the topics of a server. */
export function setTopics(wss: object, topics: ServerTopics): void {
  topicsOfServers.set(wss, topics);
}

/** The topics of the server of a connection. */
export function topicsOf({ wss }: { readonly wss: object }): ServerTopics {
  const topics = topicsOfServers.get(wss);
  if (topics === undefined) throw new InvalidArgumentError("ws.wss: expected the server of the connection");
  return topics;
}
