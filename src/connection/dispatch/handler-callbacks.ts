/** The callbacks of a connection handler, called as its methods with `(connection, event)`. They may return a promise. */
export interface HandlerCallbacks {
  /** The connection is open. */
  onOpen?(connection: unknown, event: object): unknown;
  /** A message begins. It may be read as a stream. */
  onMessageStart?(connection: unknown, event: object): unknown;
  /** A message was received. */
  onMessage(connection: unknown, event: object): unknown;
  /** No more than `highWaterMark` bytes wait again, after `send` returned false. */
  onDrain?(connection: unknown, event: object): unknown;
  /** Messages of a topic may be missing before this. */
  onGap?(connection: unknown, event: object): unknown;
  /** Something failed. */
  onError?(connection: unknown, event: object): unknown;
  /** The connection is closed. */
  onTerminate?(connection: unknown, event: object): unknown;
}
