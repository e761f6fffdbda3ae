import type { IncomingMessage, ServerResponse } from "node:http";

import type { WSConnectionEvent } from "../../server/connection-event.ts";
import type { ConnectionAnswer, WSHandler, WSRefusedEvent, WSServerErrorEvent } from "../../server/handlers.ts";
import type { WebSocketServerOptions } from "../../server/options.ts";
import { WebSocketServer } from "../../server/websocket-server.ts";
import { Refusal } from "../../handshake/refusal.ts";
import { failedByPeer } from "../failed-by-peer.ts";
import { AnsweredReplies } from "./answered-replies.ts";
import { CapturedResponse } from "./captured-response.ts";
import type { FastifyLike, ReplyLike, RequestLike, RouteLike } from "./fastify-types.ts";
import { RoutePaths } from "./route-paths.ts";

/** The options of the plugin: those of `WebSocketServer` but what `app.listen` and the routes decide. */
export type HawserPluginOptions = Omit<
  WebSocketServerOptions,
  "server" | "port" | "host" | "listen" | "path" | "requestListener" | "tls"
>;

/** A route's function: as `onConnection` of a server's handler, with Fastify's request. */
export type OnConnection<Request = RequestLike> = (
  event: WSConnectionEvent,
  request: Request,
) => ConnectionAnswer | PromiseLike<ConnectionAnswer>;

/** A handshake that Fastify's router and hooks are asked about. */
interface Asked {
  readonly event: WSConnectionEvent;
  settle(answer: ConnectionAnswer): void;
}

/** Marks the routes for WebSockets, in their `config`. */
const isWebSocket = Symbol("hawser.route");

/** How `@fastify/websocket` is recognized: it lets Fastify's router answer every upgrade request itself. */
const OTHER_PLUGIN = "websocketServer";

/** A `WebSocketServer` whose handshakes go through the router and the hooks of Fastify. */
export class FastifyServer implements WSHandler {
  readonly wss: WebSocketServer;
  readonly #app: FastifyLike;
  readonly #paths = new RoutePaths();
  /** By the response that Fastify writes to. */
  readonly #asked = new WeakMap<ServerResponse, Asked>();
  readonly #answered: AnsweredReplies;
  /** The instances that may have `@fastify/websocket`. */
  readonly #instances: FastifyLike[];
  /** Undefined: there is no `@fastify/websocket`. Else what came after the head of its requests. */
  #heads: WeakMap<IncomingMessage, Uint8Array> | undefined;
  /** Requests of `@fastify/websocket` that a route of ours has taken. */
  readonly #taken = new WeakSet<IncomingMessage>();

  constructor(app: FastifyLike, options: HawserPluginOptions) {
    this.#app = app;
    this.#instances = [app];
    this.#answered = new AnsweredReplies(
      app,
      ({ raw, request }) => this.#asked.has(raw) || this.#heads?.has(request.raw) === true,
    );
    this.wss = new WebSocketServer(this, {
      ...options,
      server: app.server,
      path: ({ path, raw }) => this.#taken.has(raw) || (this.#heads === undefined && this.#paths.has(path)),
    });
  }

  /** Adds the plugin's hooks. */
  addHooks(): void {
    const app = this.#app;
    app.addHook("onRegister", (instance: FastifyLike) => void this.#instances.push(instance));
    app.addHook("onRoute", ({ url, config }: RouteLike & { readonly url: string }) => {
      if (config !== undefined && isWebSocket in config) this.#paths.add(url);
    });
    app.addHook("onRequest", (request: RequestLike, reply: ReplyLike, done: () => void) => {
      // The router has chosen another route for it than its path let us expect.
      if (this.#asked.has(reply.raw) && !(isWebSocket in request.routeOptions.config)) reply.callNotFound();
      else done();
    });
    app.addHook("onReady", (done: () => void) => {
      if (this.#instances.some((instance) => instance.hasDecorator(OTHER_PLUGIN))) this.#followOther();
      done();
    });
    app.addHook("preClose", () => this.wss.terminate());
  }

  /** The options of a route that opens WebSockets. */
  route(url: string, options: RouteLike, onConnection: OnConnection): object {
    const { handler = upgradeRequired, preHandler = [], config } = options;
    return {
      ...options,
      method: "GET",
      url,
      handler,
      config: { ...config, [isWebSocket]: true },
      // Last: after all hooks that say who may connect.
      preHandler: [
        ...(Array.isArray(preHandler) ? (preHandler as unknown[]) : [preHandler]),
        (request: RequestLike, reply: ReplyLike) => this.#arrive(request, reply, onConnection),
      ],
    };
  }

  onConnection(_wss: WebSocketServer, event: WSConnectionEvent): ConnectionAnswer | PromiseLike<ConnectionAnswer> {
    // A route has it already: `@fastify/websocket` has asked Fastify's router.
    const arrived = event.context as ((event: WSConnectionEvent) => ReturnType<OnConnection>) | undefined;
    if (arrived !== undefined) return arrived(event);
    return new Promise((settle) => {
      const request = asGet(event.request.raw);
      const response = new CapturedResponse(request);
      this.#asked.set(response, { event, settle });
      const answer = (): void => {
        settle(response.refusal());
      };
      response.once("finish", answer);
      // Without "finish" it was cut.
      response.once("close", () => {
        if (response.errored !== null) this.#app.log.error({ err: response.errored }, "WebSocket handshake cut");
        answer();
      });
      this.#app.routing(request, response);
    });
  }

  onError(_wss: WebSocketServer, event: WSServerErrorEvent): void {
    const [{ cause, message }] = event.errors;
    const level = failedByPeer(event) ? "info" : "error";
    this.#app.log[level]({ err: cause, connection: event.connection?.id }, message);
  }

  onRefused(_wss: WebSocketServer, { reason, status, remoteAddress }: WSRefusedEvent): void {
    this.#app.log.info({ reason, status, remoteAddress }, "WebSocket refused");
  }

  /** A handshake, or a plain request, has passed all hooks of a route. */
  async #arrive(request: RequestLike, reply: ReplyLike, onConnection: OnConnection): Promise<unknown> {
    const asked = this.#asked.get(reply.raw);
    if (asked !== undefined) {
      // After a hook that has answered, Fastify may go on. The handler must not answer too.
      if (this.#answered.has(reply)) return never();
      const answer = await onConnection(asked.event, request);
      // Somebody else has answered meanwhile.
      if (this.#answered.has(reply)) return never();
      reply.hijack();
      asked.settle(answer);
      // For hooks and logs. The client gets the answer of the WebSocket server.
      reply.raw.statusCode = statusOf(answer);
      reply.raw.end();
      return reply;
    }
    const head = this.#heads?.get(request.raw);
    if (head === undefined) return undefined;
    if (this.#answered.has(reply)) return never();
    const { socket } = request.raw;
    reply.hijack();
    reply.raw.detachSocket(socket);
    this.#taken.add(request.raw);
    this.wss.handleUpgrade(request.raw, socket, head, async (event: WSConnectionEvent) => {
      const answer = await onConnection(event, request);
      // The response is on no socket now. Who cuts it, or writes to it, wants no WebSocket.
      return reply.raw.destroyed || reply.raw.headersSent ? null : answer;
    });
    return reply;
  }

  /** `@fastify/websocket` lets the router answer each upgrade request, so it must not be asked twice. */
  #followOther(): void {
    const heads = (this.#heads = new WeakMap<IncomingMessage, Uint8Array>());
    this.#app.server.prependListener?.("upgrade", (request: IncomingMessage, _socket: unknown, head: Uint8Array) => {
      if (request.headers.upgrade?.toLowerCase() === "websocket") heads.set(request, head);
    });
  }
}

/** A request for Fastify's router, where the routes have the method GET. Over HTTP/2 that of a WebSocket is CONNECT (RFC 8441 4). */
function asGet(request: IncomingMessage): IncomingMessage {
  if (request.method === "GET") return request;
  return Object.create(request, { method: { value: "GET" } }) as IncomingMessage;
}

function statusOf(answer: ConnectionAnswer): number {
  if (answer instanceof Refusal) return answer.status;
  return answer === null || answer === undefined ? 403 : 101;
}

/** For a hook that no other may follow. */
function never(): Promise<never> {
  return new Promise(() => undefined);
}

function upgradeRequired(_request: unknown, reply: ReplyLike): unknown {
  return reply.code(426).headers({ connection: "upgrade", upgrade: "websocket" }).send("This is a WebSocket.\n");
}
