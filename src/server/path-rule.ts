import { InvalidArgumentError } from "../errors/errors.ts";
import { NO_PARAMS } from "../handshake/node-request.ts";
import type { ConnectionRequest } from "../handshake/request.ts";
import { describe } from "../util/describe.ts";
import { type PathParams, PathPattern, isPattern } from "./path-pattern.ts";

/**
 * Decides which requests are for a server. It returns true, or the parameters for `event.request.params`; false declines: the next
 * server on that web server is asked.
 */
export type PathFunction = (request: ConnectionRequest) => PathParams | boolean;

/** Which requests reach a server: the option `path`. */
export interface PathRule {
  /** As it was given. */
  readonly option: string | PathFunction;
  /** For a path with named segments. */
  readonly pattern: PathPattern | undefined;
}

/** Reads the option `path`, which is valid in itself. */
export function pathRule(option: string | PathFunction): PathRule {
  return { option, pattern: typeof option === "string" && isPattern(option) ? new PathPattern(option) : undefined };
}

/** Exact paths are asked before those with named segments, then functions, then the server without a path. */
export function rankOf(rule: PathRule | undefined): number {
  if (rule === undefined) return 3;
  if (typeof rule.option === "function") return 2;
  return rule.pattern === undefined ? 0 : 1;
}

/** Whether two servers could not be told apart. */
export function isSamePath(one: PathRule | undefined, other: PathRule | undefined): boolean {
  return typeof one?.option !== "function" && one?.option === other?.option;
}

/**
 * The parameters of a path that is for the server; undefined: it is not.
 *
 * @param path undefined for a target that is not valid
 * @param request what a function of the application gets
 * @throws {InvalidArgumentError} for a function that returns something else; and what the function throws
 */
export function matchPath(
  rule: PathRule | undefined,
  path: string | undefined,
  request: () => ConnectionRequest,
): PathParams | undefined {
  if (rule === undefined) return NO_PARAMS;
  const { option, pattern } = rule;
  if (typeof option === "function") return readResult(option(request()));
  if (pattern === undefined) return path === option ? NO_PARAMS : undefined;
  return path === undefined ? undefined : pattern.match(path);
}

function readResult(result: unknown): PathParams | undefined {
  if (result === true) return NO_PARAMS;
  if (result === false) return undefined;
  if (
    typeof result === "object" &&
    result !== null &&
    Object.values(result).every((value) => typeof value === "string") &&
    !("then" in result)
  )
    return result as PathParams;
  throw new InvalidArgumentError(
    `path: expected the function to return true, false, or an object of strings, got ${describe(result)}`,
  );
}
