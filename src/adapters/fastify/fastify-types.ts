import type { IncomingMessage, ServerResponse } from "node:http";

import type { WebServer } from "../../server/web-server.ts";

/** What the plugin uses of a Fastify instance. `FastifyInstance` fits. */
export interface FastifyLike {
  /** Node's web server. */
  readonly server: WebServer;
  /** Its logger. */
  readonly log: FastifyLogger;
  /** Lets its router answer a request. */
  routing(request: IncomingMessage, response: ServerResponse): void;
  /** Whether it, or one that it is inside of, has a property that a plugin has added. */
  hasDecorator(name: string): boolean;
  /** Adds a property to it, and to all that are inside of it. */
  decorate(name: string, value: unknown): unknown;
  /** Adds a property to the replies of it, and of all that are inside of it. */
  decorateReply(name: string, value: unknown): unknown;
  /** Adds a hook. */
  addHook(name: string, hook: (...args: never[]) => unknown): unknown;
  /** Adds a route. */
  route(options: never): unknown;
}

/** Fastify's logger, as far as it is used. */
export interface FastifyLogger {
  /** Logs a failure. */
  error(details: object, message: string): void;
  /** Logs what is no failure. */
  info(details: object, message: string): void;
}

/** What the plugin uses of a request. */
export interface RequestLike {
  /** Node's request. */
  readonly raw: IncomingMessage;
  /** Its route. */
  readonly routeOptions: { readonly config: object };
}

/** What the plugin uses of a reply. */
export interface ReplyLike {
  /** Node's response. */
  readonly raw: ServerResponse;
  /** What it replies to. */
  readonly request: RequestLike;
  /** Whether it was sent, or is somebody else's. */
  readonly sent: boolean;
  /** Takes it from Fastify. */
  hijack(): unknown;
  /** Answers 404 as the application does. */
  callNotFound(): unknown;
  /** Sets the status. */
  code(status: number): ReplyLike;
  /** Sets headers. */
  headers(headers: object): ReplyLike;
  /** Sends it. */
  send(body: string): unknown;
}

/** The options of a route, as far as the plugin reads them. */
export interface RouteLike {
  /** Answers plain requests. */
  readonly handler?: unknown;
  /** Hooks of the route. */
  readonly preHandler?: unknown;
  /** What hooks may read. */
  readonly config?: object;
}
