const KIB = 1024;
const MIB = 1024 * KIB;

/**
 * Parses a whole number above zero, as in ids.
 *
 * @returns 0 if the text is not such a number
 */
export function parseWhole(text: string): number {
  return /^[1-9]\d*$/.test(text) ? Number(text) : 0;
}

/**
 * Parses a number of bytes, as in ids: `20`, `1k` (KiB), `1m` (MiB).
 *
 * @returns 0 if the text is not a size
 */
export function parseSize(text: string): number {
  const unit = text.endsWith("k") ? KIB : text.endsWith("m") ? MIB : 1;
  return parseWhole(unit === 1 ? text : text.slice(0, -1)) * unit;
}

/** A number of bytes as text: `20 B`, `1 KiB`, `1 MiB`. */
export function formatSize(size: number): string {
  if (size % MIB === 0) return `${size / MIB} MiB`;
  return size % KIB === 0 ? `${size / KIB} KiB` : `${size} B`;
}
