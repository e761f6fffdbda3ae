/**
 * The entry point `hawser/redis`: joins servers on several machines by Redis.
 *
 * @module hawser/redis
 */

export type { Backplane } from "./backplane/contract.ts";
export { type RedisClient, type RedisOptions, redis } from "./redis/redis.ts";
