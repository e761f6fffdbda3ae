const KIB = 1024;
const MIB = 1024 * KIB;

/**
 * A whole number above zero, as ids have them.
 *
 * @returns 0 for what is none
 */
export function parseWhole(text: string): number {
  return /^[1-9]\d*$/.test(text) ? Number(text) : 0;
}

/**
 * Bytes, as ids have them: `20`, `1k` (KiB), `1m` (MiB).
 *
 * @returns 0 for what is no size
 */
export function parseSize(text: string): number {
  const unit = text.endsWith("k") ? KIB : text.endsWith("m") ? MIB : 1;
  return parseWhole(unit === 1 ? text : text.slice(0, -1)) * unit;
}

/** Bytes for people: `20 B`, `1 KiB`, `1 MiB`. */
export function formatSize(size: number): string {
  if (size % MIB === 0) return `${size / MIB} MiB`;
  return size % KIB === 0 ? `${size / KIB} KiB` : `${size} B`;
}
