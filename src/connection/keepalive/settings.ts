/**
 * How long the connections of one server live, in ticks of its clock. A tick is at least one turn of the event loop. While
 * the loop is blocked no tick passes, so a blocked loop is not taken for the silence of the peers.
 */
export interface KeepaliveSettings {
  /** Milliseconds of a tick. */
  readonly tickMs: number;
  /** Ticks of silence before a ping. */
  readonly pingInterval: number;
  /** Ticks after a ping within which a byte must arrive. */
  readonly pingTimeout: number;
  /** Ticks without a message in either direction. */
  readonly idleTimeout: number;
  /** Ticks that a connection may live. */
  readonly maxLifetime: number;
}
