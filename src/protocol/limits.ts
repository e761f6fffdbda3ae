/** The limits of the protocol layer. Each is finite and has its reason. */

/** RFC 6455 5.5: a control frame's payload is at most 125 bytes. */
export const MAX_CONTROL_PAYLOAD = 125;

/** RFC 6455 5.5.1: the 125 bytes of a close frame's payload hold two bytes of code, then the reason. */
export const MAX_CLOSE_REASON = MAX_CONTROL_PAYLOAD - 2;

/** Default limit for the bytes of a message: far above chat and JSON, and small enough for a thousand connections at once. */
export const DEFAULT_MAX_MESSAGE_SIZE = 1024 * 1024;

/** Default limit for the fragments of a message: a million empty continuation frames cost CPU time (CVE-2026-48779). */
export const DEFAULT_MAX_FRAGMENTS = 16 * 1024;

/** When its first byte arrives, a message gets at most this many bytes of memory: the size of one read of the socket. */
export const FIRST_MESSAGE_BUFFER = 64 * 1024;

/** Memory for a message grows to at most this many times the bytes that have arrived: a length alone reserves nothing. */
export const MESSAGE_BUFFER_GROWTH = 4;
