// What a server may hold for one hostile connection, in bytes. Each bound is above what is measured, and far below what
// the attack takes where nothing stops it.

/** A kibibyte. */
export const KIB = 1024;

/** A mebibyte. */
export const MIB = 1024 * KIB;

/** One read of a socket: as many bytes as Node reads at once. */
export const READ = 64 * KIB;

/** The first memory of a message that comes in pieces is one read; another is on its way. */
export const PIECES = 2 * READ;

/**
 * An open connection without anything in it: the socket, its wrappers, reader and outbox are less than 2 KiB. Memory of
 * its own to read into would be 64.
 */
export const CONNECTION = 8 * KIB;

/** A socket on its way to a connection: Node's parser with it, the request and its answer. */
export const HANDSHAKE = 16 * KIB;

/** What TLS holds for a connection and Node tells of: the rest is memory of OpenSSL's own. */
export const SECURE = 16 * KIB;

/** Headers of a few bytes, which are strings of their own from the first read on: so many times their bytes. */
export const HEADER_GROWTH = 32;

/**
 * Short messages that were read and wait for a busy handler: two reads of the smallest frames with a letter, 18,700 of
 * them, each a string, which all with the same letter share, and a place in a list. A function for each would be 2 MB.
 */
export const AHEAD = 2 * READ * 4;

/**
 * Answers to what one read brought that the system does not take: as many bytes, in two slabs of 64 KiB, and those to
 * another read; and what is garbage but not given back yet.
 */
export const ANSWERS = 8 * READ;

/** A message that grows: so many times what has come of it. */
export const MESSAGE_GROWTH = 4;
