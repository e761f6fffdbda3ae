import { InvalidArgumentError } from "../errors/errors.ts";
import { similarName } from "../util/similar.ts";
import { describe } from "../util/describe.ts";

/** How the library's own web server listens: options of Node's `net.Server.listen()`. Node checks their values. */
export interface ListenOptions {
  /** The port. 0: any free one. */
  readonly port?: number | undefined;
  /** The address. Default: all. Only together with a port. */
  readonly host?: string | undefined;
  /** The path of a Unix socket, or the name of a pipe on Windows. */
  readonly path?: string | undefined;
  /** A file descriptor that listens already, e.g. 3 under systemd's socket activation. */
  readonly fd?: number | undefined;
  /** Clients that may wait until the process accepts them. Default 511; the system has a limit too. */
  readonly backlog?: number | undefined;
  /** In a cluster: this process does not share the port with the others. */
  readonly exclusive?: boolean | undefined;
  /** With a host of IPv6: no clients by IPv4. */
  readonly ipv6Only?: boolean | undefined;
  /**
   * Several processes may listen on the same port, and the system spreads clients over them (`SO_REUSEPORT`). It needs Node 22.12 or
   * newer, and Linux or a BSD.
   */
  readonly reusePort?: boolean | undefined;
  /** All users may read from the Unix socket. */
  readonly readableAll?: boolean | undefined;
  /** All users may write to the Unix socket. */
  readonly writableAll?: boolean | undefined;
}

const NAMES: Readonly<Record<keyof ListenOptions, true>> = {
  port: true,
  host: true,
  path: true,
  fd: true,
  backlog: true,
  exclusive: true,
  ipv6Only: true,
  reusePort: true,
  readableAll: true,
  writableAll: true,
};

/** The first version of Node that does not ignore `reusePort`. */
const REUSE_PORT_SINCE = { 22: 12, 23: 1 } as const;

/**
 * Checks the option `listen`. The values are Node's to check.
 *
 * @throws {InvalidArgumentError} when it is no object, has another name, or one that this version of Node would ignore
 */
export function readListen(listen: unknown): ListenOptions | undefined {
  if (listen === undefined) return undefined;
  if (typeof listen !== "object" || listen === null)
    throw new InvalidArgumentError(
      `listen: expected an object like { path: "/run/app.sock" }, got ${describe(listen)}`,
    );
  for (const name of Object.keys(listen)) {
    if (Object.hasOwn(NAMES, name)) continue;
    const meant = similarName(name, Object.keys(NAMES));
    throw new InvalidArgumentError(
      `listen: there is no option ${JSON.stringify(name)}${meant === undefined ? "" : `: did you mean ${meant}?`}`,
    );
  }
  // To Node a port of undefined or null is port 0.
  const given = Object.entries(listen).filter(([, value]) => value !== undefined);
  for (const [name, value] of given)
    if (value === null) throw new InvalidArgumentError(`listen: ${name}: expected a value, got null`);
  const options = Object.fromEntries(given) as ListenOptions;
  if (options.reusePort === true && !hasReusePort(process.versions.node))
    throw new InvalidArgumentError(
      `listen: reusePort needs Node 22.12 or newer: Node ${process.versions.node} ignores it`,
    );
  return options;
}

/** Whether a version of Node knows `reusePort`. */
export function hasReusePort(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const since = (REUSE_PORT_SINCE as Partial<Record<number, number>>)[major];
  return since === undefined ? major > 23 : minor >= since;
}

/**
 * Where the own web server listens; undefined: there is none.
 *
 * @throws {InvalidArgumentError} for options that exclude each other, or none of port, path and fd
 */
export function listenAddress(
  port: number | undefined,
  host: string | undefined,
  listen: ListenOptions | undefined,
): ListenOptions | undefined {
  if (listen === undefined) {
    if (port === undefined) return undefined;
    return host === undefined ? { port } : { port, host };
  }
  const given = { port, host };
  for (const name of ["port", "host"] as const)
    if (given[name] !== undefined && listen[name] !== undefined)
      throw new InvalidArgumentError(`listen: ${name}: not together with the option ${name}`);
  const merged = {
    ...listen,
    ...(port === undefined ? {} : { port }),
    ...(host === undefined ? {} : { host }),
  };
  const places = (["port", "path", "fd"] as const).filter((name) => merged[name] !== undefined);
  if (places.length !== 1)
    throw new InvalidArgumentError(
      `listen: expected one of port, path and fd, got ${places.length === 0 ? "none" : places.join(" and ")}`,
    );
  if (merged.host !== undefined && merged.port === undefined)
    throw new InvalidArgumentError("listen: host: only together with a port");
  return merged;
}
