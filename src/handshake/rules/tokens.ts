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
