import { HawserError, withoutStack } from "../errors/errors.ts";
import { ownText } from "../util/own-text.ts";
import { isTopic } from "./topic-name.ts";

/**
 * What a client sends under the subprotocol `hawser.v1`: `\x1es <position> <last> <topic>\n` asks for a topic, `\x1eu - - <topic>\n` leaves
 * it. A field without a value is `-`.
 */

/** The subprotocol under which clients ask for topics. */
export const TOPIC_PROTOCOL = "hawser.v1";

/** The most messages that a history keeps: to ask for more is to ask for all. */
const MAX_LAST = 10_000;

/** The characters of a position that are kept: one more than it may have, so what is longer is none. */
const MAX_SINCE = 65;

/** A part of a longer message must not keep the whole in memory while a history is read. */
const LONG_MESSAGE = 1_024;

/** After its first character. The position may be anything that a client has kept. */
const LINE = /^(?:s (?<since>[^ \n]+) (?<last>-|[1-9]\d*)|u - -) (?<topic>[^\n]+)\n$/;

/** A client asks for a topic, or leaves it. */
export class TopicRequest {
  /** Whether it asks for the topic; else it leaves it. */
  readonly isSubscribe: boolean;
  /** The topic: a valid name. */
  readonly topic: string;
  /** What it gives as its position, or the beginning of it; undefined: nothing. */
  readonly since: string | undefined;
  /** How many of the newest messages it asks for; undefined: none. */
  readonly last: number | undefined;

  constructor(isSubscribe: boolean, topic: string, since?: string, last?: number) {
    this.isSubscribe = isSubscribe;
    this.topic = topic;
    this.since = since;
    this.last = last;
  }
}

/**
 * Reads a message that begins as a request does.
 *
 * @throws {HawserError} `HWS_TOPIC_FRAME`: it is none
 */
export function readTopicRequest(text: string): TopicRequest {
  const { since, last, topic } = LINE.exec(text.slice(1))?.groups ?? {};
  if (topic === undefined || !isTopic(topic)) throw topicFrameError();
  if (since === undefined) return new TopicRequest(false, topic);
  const count = last === "-" ? undefined : Math.min(Number(last), MAX_LAST);
  const position = since === "-" ? undefined : since.slice(0, MAX_SINCE);
  if (text.length <= LONG_MESSAGE) return new TopicRequest(true, topic, position, count);
  return new TopicRequest(true, ownText(topic), position && ownText(position), count);
}

/** The error for a message that begins as a request does, and is none. */
export function topicFrameError(): HawserError {
  return withoutStack(() => new HawserError("HWS_TOPIC_FRAME"));
}
