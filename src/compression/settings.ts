/** How a message is compressed: zlib's parameters. */
export interface DeflateSettings {
  /** How hard zlib searches: 0 (not at all) to 9. */
  readonly level: number;
  /** How much memory zlib uses: 1 to 9. */
  readonly memLevel: number;
  /** The logarithm of the window's size: 9 to 15. zlib cannot make raw DEFLATE data with a window of 8. */
  readonly windowBits: number;
}

/** The settings of permessage-deflate (RFC 7692) for the connections of a server. */
export interface CompressionSettings extends DeflateSettings {
  /** Shorter messages are not compressed, in bytes. */
  readonly threshold: number;
  /** The number of deflaters with a history (context takeover). 0: no history is kept. */
  readonly pool: number;
}

/**
 * The settings without options. A window of 12 with memLevel 5 needs half the memory of zlib's own defaults, and saves as much of
 * messages of 1 KiB. Above level 4 the time grows much faster than the bytes shrink. Of a message of 256 bytes a third is saved;
 * of shorter ones little (docs/compression-table.md).
 */
export const DEFAULT_COMPRESSION: CompressionSettings = {
  threshold: 256,
  level: 4,
  memLevel: 5,
  windowBits: 12,
  pool: 0,
};

/**
 * Messages of this many bytes or more are compressed in the thread pool, and not in the turn, where they would take about a
 * millisecond or more (docs/compression-table.md).
 */
export const THREAD_POOL_FROM = 64 * 1024;

/**
 * A payload of more bytes than this is decompressed in the thread pool. A peer can make payloads of nothing but tables of codes,
 * which take 350 ms for each MiB (measured), so this is 6 ms at most.
 */
export const MAX_PAYLOAD_IN_TURN = 16 * 1024;

/** A payload from which more bytes than this come out is decompressed in the thread pool, for the same reason. */
export const MAX_INFLATED_IN_TURN = 256 * 1024;
