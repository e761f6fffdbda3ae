/** The limits of the protocol layer. Each is finite and has its reason. */

/** RFC 6455 5.5: a control frame's payload is at most 125 bytes. */
export const MAX_CONTROL_PAYLOAD = 125;

/** RFC 6455 5.5.1: the 125 bytes of a close frame's payload hold two bytes of code, then the reason. */
export const MAX_CLOSE_REASON = MAX_CONTROL_PAYLOAD - 2;

/** Default limit for the bytes of a message: far above chat and JSON, and small enough for a thousand connections at once. */
export const DEFAULT_MAX_MESSAGE_SIZE = 1024 * 1024;

/** Default limit for the bytes of a message that is streamed: it takes no memory, but disks are finite, and so is patience. */
export const DEFAULT_MAX_STREAM_SIZE = 1024 * DEFAULT_MAX_MESSAGE_SIZE;

/** Default limit for the fragments of a message: a million empty continuation frames cost CPU time (CVE-2026-48779). */
export const DEFAULT_MAX_FRAGMENTS = 16 * 1024;

/** When its first byte arrives, a message gets at most this many bytes of memory: the size of one read of the socket. */
export const FIRST_MESSAGE_BUFFER = 64 * 1024;

/** Memory for a message grows to at most this many times the bytes that have arrived: a length alone reserves nothing. */
export const MESSAGE_BUFFER_GROWTH = 4;

/** From this many bytes of a frame on, the rest may be reserved at once: the peer has sent what one read can hold a part of. */
export const RESERVE_FROM = 16 * 1024;

/** The rest of a frame is reserved at once up to this many times the bytes that have arrived, if the limit for all allows it. */
export const RESERVE_GROWTH = 256;

/** A part of a frame is read into the message's own memory if at least this many bytes are missing: less comes with the next frame. */
export const MIN_TARGET = 16 * 1024;

/** The most bytes that are read into the message's own memory at once. */
export const MAX_TARGET = 256 * 1024;

/** Memory of fewer bytes is not kept for the next text: the allocator has such memory at hand. */
export const MIN_SPARE_MEMORY = 64 * 1024;

/** The most memory that is kept for the next large texts: that of two messages of the default limit, each with a page more. */
export const MAX_SPARE_MEMORY = 2 * (DEFAULT_MAX_MESSAGE_SIZE + 4096);
