/**
 * The entry point `hawser/fastify`: a plugin for Fastify 5.
 *
 * @module hawser/fastify
 */

export { type HawserPlugin, hawser } from "./adapters/fastify/fastify-plugin.ts";
export type { HawserPluginOptions, OnConnection } from "./adapters/fastify/fastify-server.ts";
export type {
  FastifyLike,
  FastifyLogger,
  ReplyLike,
  RequestLike,
  RouteLike,
} from "./adapters/fastify/fastify-types.ts";
