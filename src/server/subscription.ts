/** What `ws.subscribe` has reached. */
export interface Subscription {
  /** The topic. */
  readonly topic: string;
  /** False: the connection was closing or closed, and is not subscribed. */
  readonly live: boolean;
}
