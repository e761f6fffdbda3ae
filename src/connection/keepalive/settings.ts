/**
 * How long the connections of one server live, in ticks of its clock. A tick is a turn of the event loop at least: while the
 * loop stands still nobody grows older, so a stall of ours is not taken for the peers' silence.
 */
export interface KeepaliveSettings {
  /** Milliseconds of a tick. */
  readonly tick: number;
  /** Ticks of silence before a ping. */
  readonly pingInterval: number;
  /** Ticks behind a ping in which a byte must come. */
  readonly pingTimeout: number;
  /** Ticks without a message in either direction. */
  readonly idleTimeout: number;
  /** Ticks a connection may live. */
  readonly maxLifetime: number;
}
