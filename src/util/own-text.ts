/**
 * A copy of a text in memory of its own. A part of a string keeps the whole string in memory: an address that was cut from a
 * header of 15 KiB would keep the header for as long as its connection lives.
 */
export function ownText(text: string): string {
  const own = Buffer.from(text).toString();
  // UTF-8 has no half of a surrogate pair: two texts must not become the same.
  return own === text ? own : Buffer.from(text, "utf16le").toString("utf16le");
}
