/** Header grammar of RFC 9110 as linear scanners: no regular expression that backtracks, no split on a pattern (CVE-2021-32640). */

/** The elements of a comma-separated header, without the white space around them; empty ones are left out (RFC 9110 5.6.1). */
export function listElements(value: string): string[] {
  const elements: string[] = [];
  for (const part of value.split(",")) {
    const element = part.trim();
    if (element !== "") elements.push(element);
  }
  return elements;
}

/** True when the list `value` has `token`, whatever the case. */
export function hasToken(value: string | undefined, token: string): boolean {
  if (value === undefined) return false;
  // Most often it is all there is.
  return value.toLowerCase() === token || listElements(value).some((element) => element.toLowerCase() === token);
}

/** True for a token as RFC 9110 5.6.2 has it: what a subprotocol's name must be. */
export function isToken(text: string): boolean {
  return /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(text);
}
