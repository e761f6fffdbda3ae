/** Header grammar of RFC 9110, scanned in linear time: no regular expression backtracks or splits (CVE-2021-32640). */

/** The elements of a comma-separated header, without the white space around them. Empty ones are skipped (RFC 9110 5.6.1). */
export function listElements(value: string): string[] {
  const elements: string[] = [];
  for (const part of value.split(",")) {
    const element = part.trim();
    if (element !== "") elements.push(element);
  }
  return elements;
}

/** True when the list `value` contains `token`, in any letter case. */
export function hasToken(value: string | undefined, token: string): boolean {
  if (value === undefined) return false;
  // Most lists have one element.
  return value.toLowerCase() === token || listElements(value).some((element) => element.toLowerCase() === token);
}

/** True for a token (RFC 9110 5.6.2), which a subprotocol's name must be. */
export function isToken(text: string): boolean {
  return /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(text);
}

/** Splits at `separator`, but not inside a quoted string. It takes one pass over the text. */
export function splitUnquoted(text: string, separator: string): string[] {
  const parts: string[] = [];
  let start = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (character === '"') quoted = !quoted;
    else if (quoted && character === "\\") i++;
    else if (!quoted && character === separator) {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}
