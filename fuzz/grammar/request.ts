/** A request's head as lines of text, a character a byte, whatever is wrong with it. */
export interface RequestText {
  /** The method, the target and the version, if nothing is wrong. */
  readonly line: string;
  /** The header lines. */
  readonly fields: readonly string[];
  /** What follows behind the empty line; undefined where there is none. */
  readonly rest: string | undefined;
}

/** Takes a request apart at its line ends. Never fails. */
export function parseRequest(text: string): RequestText {
  const end = text.indexOf("\r\n\r\n");
  const [line = "", ...fields] = (end < 0 ? text : text.slice(0, end)).split("\r\n");
  return { line, fields, rest: end < 0 ? undefined : text.slice(end + 4) };
}

/** Puts a request together. */
export function writeRequest({ line, fields, rest }: RequestText): string {
  return [line, ...fields].join("\r\n") + (rest === undefined ? "" : `\r\n\r\n${rest}`);
}

/** The name of a header line, in lower case, and its value without the white space around it. */
export function fieldOf(line: string): readonly [name: string, value: string] {
  const colon = line.indexOf(":");
  return colon < 0 ? [line.toLowerCase(), ""] : [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
}
