/** The head of a request of HTTP/1.1, as a gateway reads it. */
export interface RequestHead {
  readonly method: string;
  readonly target: string;
  /** Names and values in their order. Names are in lower case. */
  readonly fields: readonly (readonly [name: string, value: string])[];
}

/** Reads the head of a request without its empty line. What is not valid is taken as it comes. */
export function readRequestHead(text: string): RequestHead {
  const [line = "", ...lines] = text.split("\r\n");
  const [method = "", target = ""] = line.split(" ");
  const fields = lines.map((one) => {
    const colon = one.indexOf(":");
    return [one.slice(0, colon).toLowerCase(), one.slice(colon + 1).trim()] as const;
  });
  return { method, target, fields };
}

/** The fields that are about one connection of HTTP/1.1, or whose place a pseudo-header takes (RFC 9113 8.2.2, 8.3.1). */
const ONLY_OF_HTTP1: ReadonlySet<string> = new Set([
  "connection",
  "host",
  "keep-alive",
  "proxy-connection",
  "sec-websocket-key",
  "transfer-encoding",
  "upgrade",
]);

/**
 * The same request over HTTP/2, as names and values: a handshake becomes an extended CONNECT (RFC 8441 5).
 *
 * @param scheme - of the session
 */
export function toHttp2(
  { method, target, fields }: RequestHead,
  scheme: string,
): (readonly [name: string, value: string])[] {
  const protocol = fields.find(([name]) => name === "upgrade")?.[1];
  const host = fields.find(([name]) => name === "host")?.[1];
  return [
    ...(protocol === undefined
      ? [[":method", method] as const]
      : [[":method", "CONNECT"] as const, [":protocol", protocol.toLowerCase()] as const]),
    [":scheme", scheme],
    ...(host === undefined ? [] : [[":authority", host] as const]),
    [":path", target],
    ...fields.filter(([name]) => !ONLY_OF_HTTP1.has(name)),
  ];
}
