/** Options of `ws.subscribe`. */
export interface SubscribeOptions {
  /**
   * A position: what was published after it comes first, if it can be proved that nothing is missing. It may be whatever a client has sent: what
   * is no position, or too old, gives `recovered: false`.
   */
  readonly since?: string | undefined;
  /** The newest messages that come first, at most the `size` of the history. With `since`, only if something may be missing. Default 0. */
  readonly last?: number | undefined;
  /** `"header"`: each message begins with one line that has its topic and its position. Default `"none"`: it is what was published. */
  readonly framing?: "none" | "header" | undefined;
  /**
   * Lists the connection as present in the topic, for `wss.presence`, `onJoin` and `onLeave`. `id` is your name for whoever it is, 1 to 128 bytes: all
   * connections with one `id` are one member. `data` is anything that JSON can hold, at most 1 KiB of it; all servers and subscribers see it.
   */
  readonly presence?: { readonly id: string; readonly data?: unknown } | undefined;
}

/** What `ws.subscribe` has reached. */
export interface Subscription {
  /** The topic. */
  readonly topic: string;
  /** The position where the live messages began; undefined: the topic has no history, or `live` is false. */
  readonly position: string | undefined;
  /** Whether nothing is missing after `since`; undefined: it was not given. */
  readonly recovered: boolean | undefined;
  /** How many messages of the history were sent first. */
  readonly replayed: number;
  /** False: the connection was closing or closed, or has unsubscribed meanwhile. It is not subscribed. */
  readonly live: boolean;
  /**
   * Whether the messages of all servers come. False: the broker is away, so until it is back only those of this server come, and none of a topic with
   * history. True without the option `backplane`.
   */
  readonly remote: boolean;
}
