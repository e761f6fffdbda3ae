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

/** The settings without options (docs/compression-table.md). */
export const DEFAULT_COMPRESSION: CompressionSettings = {
  threshold: 256,
  level: 6,
  memLevel: 5,
  windowBits: 12,
  pool: 0,
};
