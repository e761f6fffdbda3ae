/** The head of a request as lines of text, valid or not. Each character is one byte. */
export interface RequestText {
  /** The request line: method, target and version, if it is valid. */
  readonly line: string;
  /** The header lines. */
  readonly fields: readonly string[];
  /** The bytes after the empty line; undefined if there is no empty line. */
  readonly rest: string | undefined;
}

/** Splits a request into its lines. Never fails. */
export function parseRequest(text: string): RequestText {
  const end = text.indexOf("\r\n\r\n");
  const [line = "", ...fields] = (end < 0 ? text : text.slice(0, end)).split("\r\n");
  return { line, fields, rest: end < 0 ? undefined : text.slice(end + 4) };
}

/** Joins the lines of a request. */
export function writeRequest({ line, fields, rest }: RequestText): string {
  return [line, ...fields].join("\r\n") + (rest === undefined ? "" : `\r\n\r\n${rest}`);
}

/** The name of a header line, in lower case, and its value without the white space around it. */
export function fieldOf(line: string): readonly [name: string, value: string] {
  const colon = line.indexOf(":");
  return colon < 0 ? [line.toLowerCase(), ""] : [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
}
