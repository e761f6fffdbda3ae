import { InvalidArgumentError } from "../../errors/errors.ts";
import { isToken } from "../../handshake/rules/tokens.ts";

/** Headers that belong to the handshake, or that would announce a body. */
const OWN = /^(?:connection|upgrade|sec-websocket-.*|content-length|transfer-encoding)$/i;

/** Characters that a value may have: no control character, above all no line break (CVE-2026-1527). */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * Checks headers, and returns their names and values in turn.
 *
 * @throws {InvalidArgumentError} for a name or a value that HTTP does not allow, and for a header of the handshake
 */
export function headerList(headers: unknown): string[] {
  if (headers === undefined || headers === null) return [];
  if (typeof headers !== "object") throw new InvalidArgumentError("headers: expected an object");
  const entries: Iterable<unknown> =
    Symbol.iterator in headers ? (headers as Iterable<unknown>) : Object.entries(headers);
  const list: string[] = [];
  for (const entry of entries) {
    if (!Array.isArray(entry) || entry.length !== 2)
      throw new InvalidArgumentError("headers: expected pairs of a name and a value");
    const [name, value] = entry as unknown[];
    if (value === undefined) continue;
    for (const one of Array.isArray(value) ? (value as readonly unknown[]) : [value]) list.push(...header(name, one));
  }
  return list;
}

function header(name: unknown, value: unknown): [string, string] {
  if (typeof name !== "string" || !isToken(name))
    throw new InvalidArgumentError(`headers: expected a name of a header, got ${JSON.stringify(name)}`);
  if (OWN.test(name)) throw new InvalidArgumentError(`headers: ${name} belongs to the handshake`);
  if (typeof value !== "string" && typeof value !== "number")
    throw new InvalidArgumentError(`headers: ${name}: expected a string, got ${typeof value}`);
  // The value may be a secret: it is not shown.
  if (!VALUE.test(String(value)))
    throw new InvalidArgumentError(`headers: ${name}: a character that HTTP does not allow`);
  return [name, String(value)];
}
