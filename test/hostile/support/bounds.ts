// The bytes that a server may hold for one hostile connection. Each bound is above the measured value, and far below
// that of an attack without limits.

/** A kibibyte. */
export const KIB = 1024;

/** A mebibyte. */
export const MIB = 1024 * KIB;

/** One read of a socket: as many bytes as Node reads at once. */
export const READ = 64 * KIB;

/** The first memory of a message that comes in pieces is one read; another is in transit. */
export const PIECES = 2 * READ;

/**
 * An open connection without data: the socket, its wrappers, reader and write buffer are less than 2 KiB. A read
 * buffer of its own would be 64 KiB.
 */
export const CONNECTION = 8 * KIB;

/** A socket during the handshake: with Node's parser, the request and its response. */
export const HANDSHAKE = 16 * KIB;

/** The memory of TLS for a connection that Node reports. OpenSSL holds more of its own. */
export const SECURE = 16 * KIB;

/** Headers of a few bytes become strings at the first read, and take this many times their bytes. */
export const HEADER_GROWTH = 32;

/**
 * Short messages that were read and wait for a pending handler: two reads of the smallest frames with a letter, 18,700
 * of them. Each is a place in a list and a string, which equal letters share. A function for each would be 2 MB.
 */
export const AHEAD = 2 * READ * 4;

/**
 * Answers to one read that the system does not take: as many bytes, in two slabs of 64 KiB, those to another read,
 * and garbage that is not collected yet.
 */
export const ANSWERS = 8 * READ;

/** A message that grows: this many times its received bytes. */
export const MESSAGE_GROWTH = 4;
