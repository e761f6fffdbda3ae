/** The engine's limits, each finite and each with its reason. */

/** RFC 6455 5.5: a control frame's payload is at most 125 bytes. */
export const MAX_CONTROL_PAYLOAD = 125;

/** RFC 6455 5.5.1: a close frame's reason shares those 125 bytes with the two of its code. */
export const MAX_CLOSE_REASON = MAX_CONTROL_PAYLOAD - 2;

/** Bytes of a frame's header at most: two, eight of length, four of mask (RFC 6455 5.2). */
export const MAX_HEADER = 14;

/** Bytes a message may have unless the user says otherwise: above chat and JSON by far, below what hurts a thousand times over. */
export const DEFAULT_MAX_MESSAGE_SIZE = 1024 * 1024;

/** What each fragment is charged beside its payload, in bytes: a million empty continuation frames are not free (CVE-2026-48779). */
export const FRAGMENT_CHARGE = 64;

/** The charges of one message's fragments may add up to `maxMessageSize`, or to this many bytes where that is less: 1,024 fragments. */
export const MIN_FRAGMENT_BUDGET = 1024 * FRAGMENT_CHARGE;

/** With its first byte a message that is being gathered gets up to this much memory, in bytes: one read of the socket. */
export const FIRST_MESSAGE_BUFFER = 64 * 1024;

/** Memory for a message grows to at most this many times what has really come, so that a length alone reserves nothing. */
export const MESSAGE_BUFFER_GROWTH = 4;
