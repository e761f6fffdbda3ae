/** Who sent a message, and which of that sender's messages it is. */
export interface Tag {
  readonly from: string;
  readonly seq: number;
}

/** How a message is made. */
export interface Shape {
  /** Characters. A message is never shorter than its tag. */
  readonly size: number;
  /** Whether it has characters of two, three and four bytes of UTF-8. */
  readonly wide: boolean;
}

const HEADER = /^([\w-]+)#(\d+)\/(\d+)([aw]):/;

/**
 * A text of which each part names its sender and its number. A byte of another message in it is noticed.
 *
 * @param tag - Who sends it.
 * @param shape - How long it is.
 */
export function tagged({ from, seq }: Tag, { size, wide }: Shape): string {
  const header = `${from}#${String(seq)}/${String(size)}${wide ? "w" : "a"}:`;
  const unit = `<${from}#${String(seq)}${wide ? "é€😀" : ""}>`;
  const missing = Math.max(0, size - header.length);
  const body = unit.repeat(Math.ceil(missing / unit.length));
  return header + (wide ? body : body.slice(0, missing));
}

/** The tag of a text; undefined if the text is not exactly what `tagged` made. */
export function readTag(text: string): Tag | undefined {
  const [, from, seq, size, kind] = HEADER.exec(text) ?? [];
  if (from === undefined) return undefined;
  const tag = { from, seq: Number(seq) };
  return tagged(tag, { size: Number(size), wide: kind === "w" }) === text ? tag : undefined;
}

/** The start of a text, for a message about it. */
export function excerpt(text: string): string {
  return text.length <= 60 ? JSON.stringify(text) : `${JSON.stringify(text.slice(0, 60))}… (${String(text.length)})`;
}
