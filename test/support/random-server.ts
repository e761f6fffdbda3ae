import type { AddressInfo } from "node:net";
import {
  type WSConnectionEvent,
  HawserError,
  type WebSocketConnection,
  WebSocketServer,
  type WebSocketServerOptions,
  refuse,
} from "hawser";
import { Boom, type Reaction } from "./random-connection.ts";
import { named } from "./random-peer.ts";
import { type Deferred, deferred } from "./session.ts";

/** What `onConnection` does. */
export type Answer = "handler" | "later" | "never" | "refuse" | "throw";

/** The scripted handler of one connection. It records its calls and messages. */
export class RandomHandler {
  readonly calls: string[] = [];
  readonly heard: string[] = [];
  ws: WebSocketConnection | undefined;
  readonly #server: RandomServer;

  constructor(server: RandomServer) {
    this.#server = server;
  }

  onOpen(ws: WebSocketConnection): unknown {
    this.ws = ws;
    return this.#call("open");
  }

  onMessage(_ws: unknown, { data }: { readonly data: string | Uint8Array }): unknown {
    this.heard.push(typeof data === "string" ? named(1, data) : named(2, Buffer.from(data).toString()));
    return this.#call("message");
  }

  onDrain(): unknown {
    return this.#call("drain");
  }

  onError(): unknown {
    return this.#call("error");
  }

  onTerminate(): unknown {
    return this.#call("terminate");
  }

  #call(name: string): unknown {
    const { reactions, deferreds } = this.#server;
    const reaction = reactions[this.calls.push(name) % reactions.length] ?? "nothing";
    const { ws } = this;
    if (name === "terminate") this.#server.log.push("terminate");
    if (reaction === "send") ws?.send("x".repeat(1000));
    else if (reaction === "terminate") ws?.terminate(4001);
    else if (reaction === "destroy") ws?.wss.broadcast(`from ${String(ws.id)}`);
    else if (reaction === "throw") throw new Boom();
    else if (reaction === "reject") return Promise.reject(new Boom());
    else if (reaction === "resolve") return Promise.resolve();
    else if (reaction === "wait") {
      const one = deferred();
      deferreds.push(one);
      return one.promise;
    }
    return undefined;
  }
}

/** A server with such handlers. */
export class RandomServer {
  readonly wss: WebSocketServer;
  readonly reactions: readonly Reaction[];
  /** Promises of handlers that have not settled. */
  readonly deferreds: Deferred[] = [];
  /** Every handler, by the path of its client. */
  readonly members = new Map<string, RandomHandler>();
  /** "terminate" for each connection's end, "over" for the server's. */
  readonly log: string[] = [];
  /** Broken invariants. */
  readonly faults: string[] = [];
  readonly #answers: Deferred[] = [];

  constructor(reactions: readonly Reaction[], options: WebSocketServerOptions<"auto">) {
    this.reactions = reactions;
    this.wss = new WebSocketServer<object, "auto">(
      {
        onConnection: (_wss, event) => this.#answer(event),
        onError: (_wss, { errors: [{ cause }] }) => {
          if (!(cause instanceof Boom) && !(cause instanceof HawserError && cause.code !== "HWS_INTERNAL"))
            this.faults.push(`reported ${String(cause)}`);
        },
        onTerminate: () => this.log.push("over"),
      },
      { ...options, dataType: "auto" },
    );
  }

  get port(): number {
    return (this.wss.address() as AddressInfo).port;
  }

  /** The oldest promise of a callback settles. */
  settle(well: boolean): void {
    const oldest = this.deferreds.shift();
    if (well) oldest?.resolve();
    else oldest?.reject(new Boom());
  }

  /** Answers the oldest client that waits. */
  answer(): void {
    this.#answers.shift()?.resolve();
  }

  async #answer({ request }: WSConnectionEvent): Promise<RandomHandler | ReturnType<typeof refuse>> {
    const { url } = request;
    const answer = url.slice(1).split("-")[0] as Answer;
    if (answer === "refuse") return refuse(429);
    if (answer === "throw") throw new Boom();
    if (answer === "later" || answer === "never") {
      const one = deferred();
      if (answer === "later") this.#answers.push(one);
      await one.promise;
    }
    const member = new RandomHandler(this);
    this.members.set(url, member);
    return member;
  }
}
