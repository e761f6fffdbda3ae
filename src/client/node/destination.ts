import { InvalidArgumentError } from "../../errors/errors.ts";
import type { NodeSettings } from "./node-options.ts";
import { percentDecoded } from "./proxy-environment.ts";

/** Where a dial leads. */
export interface Destination {
  /** The path of the Unix socket; undefined: the URL has a host. */
  readonly socketPath: string | undefined;
  /** The target of the request: path and query. */
  readonly target: string;
  /** Whether TLS is used. */
  readonly isSecure: boolean;
}

/**
 * Where a URL leads. `ws+unix:/path/of/socket:/target` is that of the `ws` package. Characters that a URL escapes stand for themselves;
 * a colon, `?`, `#` or `%` in the path of the socket must be escaped.
 *
 * @throws {InvalidArgumentError} for a `ws+unix:` URL without an absolute path, or together with an option for another way
 */
export function destinationOf(
  url: URL,
  {
    socketPath,
    createConnection,
    proxy,
    http2,
  }: Pick<NodeSettings, "socketPath" | "createConnection" | "proxy" | "http2">,
): Destination {
  const isSecure = url.protocol.startsWith("wss");
  if (!url.protocol.endsWith("+unix:")) return { socketPath, target: url.pathname + url.search, isSecure };
  const session = typeof http2 === "function" ? http2 : undefined;
  const ways = { socketPath, createConnection, proxy: proxy ?? undefined, http2: session };
  // One of the two would be ignored in silence.
  for (const [name, value] of Object.entries(ways))
    if (value !== undefined) throw new InvalidArgumentError(`${name}: not together with a URL of ${url.protocol}`);
  // What follows `//` is a host: `ws+unix://run/socket` has none of the path's first part.
  const [, path = "", target = ""] = /^([^:]*):?([^]*)$/.exec(url.pathname) ?? [];
  if (url.host !== "" || !path.startsWith("/") || !/^(?:\/|$)/.test(target))
    throw new InvalidArgumentError(
      `url: expected an absolute path, like ${url.protocol}/run/socket or ${url.protocol}/run/socket:/target`,
    );
  return { socketPath: percentDecoded(path), target: (target === "" ? "/" : target) + url.search, isSecure };
}
