/**
 * Bytes that the system has taken may still be in the buffers of the two systems, where they cannot be seen. A slow peer gets its
 * timeout once more for each of these steps: 26 KB a second for `pingTimeout`, and 105 KB a second for `closeTimeout`, by default.
 */
export const BYTES_PER_TIMEOUT: number = 512 * 1024;

/** What the buffers of two systems hold at most. */
const MAX_BYTES_IN_FLIGHT = 4 * 1024 * 1024;

/** How many times its timeout a peer gets that must first read `bytes`, as far as they can be in flight. */
export function timeoutFactorOf(bytes: number): number {
  return 1 + Math.min(bytes, MAX_BYTES_IN_FLIGHT) / BYTES_PER_TIMEOUT;
}
