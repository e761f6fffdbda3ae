import type { ListenOptions as NodeListenOptions } from "node:net";

import { InvalidArgumentError } from "../errors/errors.ts";
import { similarName } from "../util/similar.ts";
import { describe } from "./describe.ts";

/**
 * How the library's own web server listens: the options of `net.Server.listen()`. Node checks their values, and says what is wrong
 * with them when the server starts.
 */
export interface ListenOptions extends NodeListenOptions {
  /** A file descriptor that listens already, e.g. 3 under systemd's socket activation. */
  readonly fd?: number;
  /**
   * Several processes may listen on the same port, and the system spreads clients over them (`SO_REUSEPORT`). It needs Node 22.12 or
   * newer, and Linux or a BSD.
   */
  readonly reusePort?: boolean;
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
  signal: true,
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
  const options = listen as ListenOptions;
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
 * @throws {InvalidArgumentError} for options that exclude each other, or a `listen` that says nothing of where
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
  const merged: ListenOptions = {
    ...listen,
    ...(port === undefined ? {} : { port }),
    ...(host === undefined ? {} : { host }),
  };
  const places = (["port", "path", "fd"] as const).filter((name) => merged[name] !== undefined);
  if (places.length !== 1)
    throw new InvalidArgumentError(
      `listen: expected one of port, path and fd, got ${places.length === 0 ? "none" : places.join(" and ")}`,
    );
  return merged;
}
