/** The engine's limits, each finite and each with its reason. */

/** RFC 6455 5.5: a control frame's payload is at most 125 bytes. */
export const MAX_CONTROL_PAYLOAD = 125;

/** RFC 6455 5.5.1: a close frame's reason shares those 125 bytes with the two of its code. */
export const MAX_CLOSE_REASON = MAX_CONTROL_PAYLOAD - 2;

/** The most bytes of a frame's header: two, eight of length, four of mask (RFC 6455 5.2). */
export const MAX_HEADER = 14;

/** The default limit of a message: far more than chat and JSON need; a thousand messages of this size do no harm. */
export const DEFAULT_MAX_MESSAGE_SIZE = 1024 * 1024;

/** Fragments a message may have unless the user says otherwise: a million empty continuation frames are not free (CVE-2026-48779). */
export const DEFAULT_MAX_FRAGMENTS = 16 * 1024;

/** The first memory of a message in several chunks has at most this many bytes: one read of the socket. */
export const FIRST_MESSAGE_BUFFER = 64 * 1024;

/** The memory of a message is at most this many times the bytes that were received, so that a length alone reserves nothing. */
export const MESSAGE_BUFFER_GROWTH = 4;
