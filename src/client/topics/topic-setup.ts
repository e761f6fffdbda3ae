import type { ClientHandler } from "../handler.ts";
import type { ClientOptions } from "../options.ts";
import { ClientTopics } from "./client-topics.ts";
import type { TopicClientOptions, TopicSocket } from "./handler.ts";
import { readTopicOptions } from "./options.ts";
import { TopicCallbacks, checkTopicHandler } from "./topic-callbacks.ts";

/** What a client with topics is made of, on any platform. */
interface TopicSetup {
  /** The topics. */
  readonly topics: ClientTopics;
  /** The handler of the client below. */
  readonly handler: ClientHandler;
  /** The options of the client below. */
  readonly options: ClientOptions;
  /** Makes the object of the application known, and shows it what it has given. */
  finish(client: object): void;
}

/**
 * Checks the handler and the options of a client with topics.
 *
 * @throws {InvalidArgumentError} for one of another type
 */
export function topicSetup(given: object, options: TopicClientOptions): TopicSetup {
  checkTopicHandler(given);
  const { data, positions, own } = readTopicOptions(options, given);
  const topics = new ClientTopics(given, positions);
  return {
    topics,
    handler: new TopicCallbacks(given, topics, data) as ClientHandler,
    options: own,
    finish: (client) => {
      topics.client = client as TopicSocket;
      Object.defineProperty(client, "handler", { value: given, enumerable: true });
      Object.defineProperty(client, "dataType", { value: data.dataType, enumerable: true });
    },
  };
}
