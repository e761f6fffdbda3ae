/** An argument of a command. */
export type Argument = string | Buffer;

/** What happens on a connection. */
export interface ConnectionEvents {
  /** A message has come on a channel. */
  readonly onMessage: (channel: Buffer, message: Buffer) => void;
  /** The connection has ended, or is of no use any more. It may be called several times. */
  readonly onEnd: (reason: unknown) => void;
}

/** One connection to one server, made by a client library. It is never restored: whoever needs another one makes it. */
export interface RedisConnection {
  /** Settles when it can be used. */
  readonly ready: Promise<unknown>;
  /** Sends a command. Texts in the answer are bytes. */
  send(args: readonly Argument[]): Promise<unknown>;
  /** Subscribes to channels; in a cluster all of them must be of one slot. */
  subscribe(channels: readonly string[]): Promise<unknown>;
  /** Ends subscriptions. */
  unsubscribe(channels: readonly string[]): Promise<unknown>;
  /** Ends it at once. */
  destroy(): void;
}

/** A server that takes writes. */
export interface Master {
  /** The partitions that it has. */
  readonly partitions: readonly number[];
  /** Connects to it. */
  readonly connect: (events: ConnectionEvents) => RedisConnection;
}

/** What the driver needs of a client library. */
export interface RedisLibrary {
  /** Channels are those of a cluster (`SPUBLISH`, Redis 7). */
  readonly isCluster: boolean;
  /** Finds the servers. */
  readonly findMasters: (signal: AbortSignal) => Promise<readonly Master[]>;
}
