/** The parts of a request target that the handshake needs. */
export interface Target {
  /** The part before the `?`; of an absolute URL, its path. */
  readonly path: string;
  /** The part after the `?`. */
  readonly search: string;
}

/** Parses a request target: `/path?query`, or an absolute URL (RFC 6455 4.2.1). Undefined when it is neither. */
export function parseTarget(target: string): Target | undefined {
  let rest = target;
  if (!rest.startsWith("/")) {
    const scheme = /^(?:https?|wss?):\/\/[^/?#]+/i.exec(rest);
    if (scheme === null) return undefined;
    rest = rest.slice(scheme[0].length);
    if (!rest.startsWith("/")) rest = `/${rest}`;
  }
  // RFC 6455 3: a fragment is not allowed.
  if (rest.includes("#")) return undefined;
  const at = rest.indexOf("?");
  return at < 0 ? { path: rest, search: "" } : { path: rest.slice(0, at), search: rest.slice(at + 1) };
}
