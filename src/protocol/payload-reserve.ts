/**
 * Limits the memory that is reserved for payload that has not arrived. A length costs the peer nothing, so all readers of a
 * process share one limit.
 */
export interface PayloadReserve {
  /** Asks for memory for `bytes` that have not arrived. Returns whether it may be reserved. */
  take(bytes: number): boolean;
  /** Gives back `bytes` that were taken: they have arrived, or they are not expected any more. */
  giveBack(bytes: number): void;
}
