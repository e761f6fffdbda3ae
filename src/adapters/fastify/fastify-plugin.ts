// Types only: Fastify is the application's.
import type { FastifyRequest, RouteHandlerMethod, RouteShorthandOptions } from "fastify";

import { InvalidArgumentError } from "../../errors/errors.ts";
import { describe } from "../../util/describe.ts";
import type { WebSocketServer } from "../../server/websocket-server.ts";
import { FastifyServer, type HawserPluginOptions, type OnConnection } from "./fastify-server.ts";
import type { FastifyLike, RouteLike } from "./fastify-types.ts";

declare module "fastify" {
  interface FastifyInstance<RawServer, RawRequest, RawReply, Logger, TypeProvider> {
    /** The WebSocket server of the plugin `hawser`: its connections, `broadcast`, `publish`. */
    readonly hawser: WebSocketServer;
    /**
     * Adds a route for WebSockets. Its function is called after all hooks of the route, and says who may connect: it returns a handler, null for
     * HTTP 403, or `refuse(status, text)`. What a hook replies, or an error that is thrown, is what the client gets in place of a connection.
     */
    webSocket(url: string, onConnection: OnConnection<FastifyRequest>): this;
    /** The same, with the options of a route, such as `preHandler`. Their `handler` answers plain requests; default: HTTP 426. */
    webSocket(
      url: string,
      options: RouteShorthandOptions & { handler?: RouteHandlerMethod },
      onConnection: OnConnection<FastifyRequest>,
    ): this;
  }
}

/** The plugin, as `app.register` takes it. */
export type HawserPlugin = (app: FastifyLike, options: HawserPluginOptions, done: (error?: Error) => void) => void;

/**
 * A plugin of Fastify 5: `app.hawser` is a `WebSocketServer`, and `app.webSocket(url, options, onConnection)` adds a route. `app.close()`
 * closes all connections with 1001 first. Failures are logged by Fastify's logger.
 *
 * @throws {InvalidArgumentError} (when the application is loaded) for an option that Fastify or the routes decide, such as `port`
 * @example
 * import fastify from "fastify";
 * import { hawser } from "hawser/fastify";
 *
 * const app = fastify({ logger: true });
 * await app.register(hawser, { maxMessageSize: 65_536 });
 * app.webSocket("/chats/:id", { preHandler: signedIn }, (event, request) => new Member(request.user));
 */
export const hawser: HawserPlugin = Object.assign(
  (app: FastifyLike, options: HawserPluginOptions, done: (error?: Error) => void): void => {
    let server: FastifyServer;
    try {
      server = new FastifyServer(app, checkedOptions(options));
    } catch (error) {
      done(error as Error);
      return;
    }
    server.addHooks();
    app.decorate("hawser", server.wss);
    app.decorate("webSocket", function (this: FastifyLike, url: string, ...rest: unknown[]): unknown {
      const [options, onConnection] = rest.length > 1 ? rest : [{}, rest[0]];
      if (typeof onConnection !== "function")
        throw new InvalidArgumentError(`webSocket: onConnection: expected a function, got ${describe(onConnection)}`);
      this.route(server.route(url, options as RouteLike, onConnection as OnConnection) as never);
      return this;
    });
    done();
  },
  {
    // What `fastify-plugin` sets: the plugin's decorators and hooks are those of the instance that it is registered in.
    [Symbol.for("skip-override")]: true,
    [Symbol.for("fastify.display-name")]: "hawser",
    [Symbol.for("plugin-meta")]: { name: "hawser", fastify: "5.x" },
  },
);

/** What `app.register` itself reads of the options. */
const OF_FASTIFY = ["prefix", "logLevel", "logSerializers"] as const;

/** Options that Fastify and the routes decide. */
const NOT_HERE = ["server", "port", "host", "listen", "path", "requestListener", "tls"] as const;

function checkedOptions(options: HawserPluginOptions): HawserPluginOptions {
  const checked: Record<string, unknown> = { ...options };
  for (const name of OF_FASTIFY) Reflect.deleteProperty(checked, name);
  for (const name of NOT_HERE)
    if (checked[name] !== undefined)
      throw new InvalidArgumentError(`${name}: app.listen and the routes of Fastify decide it`);
  return checked;
}
