import { type Connect, hawserPublisher, socketIoPublisher } from "./publishers.ts";
import { type Subscribe, page, socketIo, topicClient } from "./subscribers.ts";

/** A server with its client. */
export interface Contestant {
  readonly id: string;
  readonly title: string;
  /** The id of its servers among the peers. */
  readonly peer: string;
  readonly subscriber: () => Promise<Subscribe>;
  readonly connect: Connect;
}

/** All that are compared. */
export const CONTESTANTS: readonly Contestant[] = [
  {
    id: "hawser",
    title: "hawser, history, TopicClient",
    peer: "hawser-redis-history",
    subscriber: topicClient,
    connect: hawserPublisher,
  },
  {
    id: "hawser-page",
    title: "hawser, history, header lines, no library",
    peer: "hawser-redis-history",
    subscriber: () => Promise.resolve(page),
    connect: hawserPublisher,
  },
  {
    id: "socket.io",
    title: "Socket.IO, redis-streams-adapter, recovery",
    peer: "socket.io-streams",
    subscriber: () => Promise.resolve(socketIo),
    connect: socketIoPublisher,
  },
];

/**
 * The contestants with these ids. An empty list means all.
 *
 * @throws RangeError - for an unknown id
 */
export function selectContestants(ids: readonly string[]): readonly Contestant[] {
  const unknown = ids.find((id) => !CONTESTANTS.some((each) => each.id === id));
  if (unknown !== undefined)
    throw new RangeError(`nobody is called "${unknown}"; there are ${CONTESTANTS.map(({ id }) => id).join(" ")}`);
  return CONTESTANTS.filter(({ id }) => ids.length === 0 || ids.includes(id));
}
