import type { Backplane } from "../backplane/contract.ts";
import { InvalidArgumentError } from "../errors/errors.ts";
import { readTable } from "../util/option-table.ts";
import type { RedisLibrary } from "./connection.ts";
import { type IoredisClient, type IoredisCluster, ioredisCluster, ioredisServer } from "./ioredis.ts";
import { type NodeRedisClient, type NodeRedisCluster, nodeRedisCluster, nodeRedisServer } from "./node-redis.ts";
import { RedisDriver } from "./redis-driver.ts";

/** Options of `redis()`. */
export interface RedisOptions {
  /** What the names of all keys and channels begin with. Servers with the same one are joined. It has no braces. Default: `"hawser"`. */
  readonly prefix?: string | undefined;
}

/** A client of `ioredis` or `redis`. Only its options are used: connections of our own are made with them. */
export interface RedisClient {
  /** Makes a client with the same options. */
  duplicate(): unknown;
  /** Connects. */
  connect(): Promise<unknown>;
}

const OPTIONS = { prefix: readPrefix } as const;

/**
 * Joins servers on several machines by Redis 6.2 or later; a cluster by Redis 7 or later.
 *
 * @param client `Redis` or `Cluster` of ioredis 5.9 or later; what `createClient` or `createCluster` of redis 5 or later have made. It
 * stays yours: it is neither used nor closed, and need not be connected.
 * @throws {InvalidArgumentError} for a client that it cannot use, and for options that it does not have
 */
export function redis(client: RedisClient, options: RedisOptions = {}): Backplane {
  if (typeof options !== "object" || (options as unknown) === null)
    throw new InvalidArgumentError("redis: options: expected an object");
  const { prefix } = readTable(OPTIONS, options, {}, "redis: ");
  const library = libraryOf(client as unknown as Readonly<Record<string, unknown>>);
  return { createDriver: () => new RedisDriver(library, prefix) };
}

/** Which library a client is of: `sSubscribe` is node-redis. */
function libraryOf(client: Readonly<Record<string, unknown>> | null | undefined): RedisLibrary {
  const has = (name: string): boolean => typeof client?.[name] === "function";
  const given: unknown = client;
  if (!has("duplicate") || !has("on"))
    throw new InvalidArgumentError("redis: client: expected a client of ioredis or redis");
  if (has("sSubscribe")) {
    if (has("nodeClient")) return nodeRedisCluster(given as NodeRedisCluster);
    if (has("sendCommand") && !has("acquire")) return nodeRedisServer(given as NodeRedisClient);
    throw new InvalidArgumentError(
      "redis: client: a sentinel or pool of redis cannot be used; ioredis can use sentinels",
    );
  }
  if (!has("callBuffer")) throw new InvalidArgumentError("redis: client: expected a client of ioredis or redis");
  return client?.["isCluster"] === true
    ? ioredisCluster(given as IoredisCluster)
    : ioredisServer(given as IoredisClient);
}

function readPrefix(value: unknown, name: string): string {
  if (value === undefined) return "hawser";
  // The hash tag, in braces, comes after it.
  if (typeof value === "string" && value !== "" && !/[{}]/.test(value)) return value;
  throw new InvalidArgumentError(`${name}: expected a text without braces`);
}
