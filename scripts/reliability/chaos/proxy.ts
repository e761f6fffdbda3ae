import { once } from "node:events";
import { type AddressInfo, type Server, type Socket, connect, createServer } from "node:net";
import { Pipe, freeFlow } from "./pipe.ts";

/** A server's address. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

interface Route {
  readonly client: Socket;
  server: Socket;
  readonly up: Pipe;
  down: Pipe;
  /** It has sent a command that subscribes. */
  isSubscriber: boolean;
}

/** Milliseconds between two looks at what waits. */
const TICK = 10;

/** A TCP proxy whose connections can be stalled, slowed, cut, and led to another server. */
export class TcpProxy {
  /** From the clients to the server. */
  readonly up = freeFlow();
  /** From the server to the clients. */
  readonly down = freeFlow();
  /** Where new connections lead. */
  target: Address;
  /** New connections are ended at once. */
  refuses = false;
  readonly #server: Server;
  readonly #routes = new Set<Route>();
  /** All sockets that are open. */
  readonly #sockets = new Set<Socket>();
  readonly #timer: NodeJS.Timeout;

  private constructor(server: Server, target: Address) {
    this.#server = server;
    this.target = target;
    server.on("connection", (client) => this.#accept(client));
    this.#timer = setInterval(() => this.#tick(), TICK).unref();
  }

  /** Starts one on a free port of this address. */
  static async start(target: Address, host = "127.0.0.1"): Promise<TcpProxy> {
    const server = createServer({ noDelay: true }).listen(0, host);
    await once(server, "listening");
    return new TcpProxy(server, target);
  }

  /** Where it listens. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Stalls, or frees, one or both directions. */
  stall(direction: "up" | "down" | "both", stalled: boolean): void {
    if (direction !== "down") this.up.stalled = stalled;
    if (direction !== "up") this.down.stalled = stalled;
    this.#tick();
  }

  /** Ends all connections. With a share below 1: as many of them, by chance. Returns how many. */
  cut(share = 1): number {
    let count = 0;
    for (const route of this.#routes) {
      if (Math.random() >= share) continue;
      count++;
      route.client.destroy();
      route.server.destroy();
    }
    return count;
  }

  /** Leads the connections that have subscribed to another server, which knows nothing of that. They notice nothing. */
  moveSubscribers(target: Address): number {
    let count = 0;
    for (const route of this.#routes) {
      if (!route.isSubscriber) continue;
      count++;
      const old = route.server;
      const server = this.#dial(target, route.client);
      route.server = server;
      route.up.sink = server;
      route.down = new Pipe(server, route.client, this.down);
      old.removeAllListeners("data").removeAllListeners("end").removeAllListeners("close");
      old.destroy();
    }
    return count;
  }

  /** Ends it. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #accept(client: Socket): void {
    this.#keep(client).on("error", () => undefined);
    if (this.refuses) {
      client.destroy();
      return;
    }
    const server = this.#dial(this.target, client);
    const route: Route = {
      client,
      server,
      up: new Pipe(client, server, this.up, (bytes) => {
        route.isSubscriber ||= /^\*\d+\r\n\$9\r\nsubscribe\r\n/i.test(bytes.toString("latin1", 0, 40));
      }),
      down: new Pipe(server, client, this.down),
      isSubscriber: false,
    };
    this.#routes.add(route);
    client.on("close", () => this.#routes.delete(route));
  }

  #dial({ host, port }: Address, client: Socket): Socket {
    const server = this.#keep(connect({ host, port, noDelay: true }));
    server.on("error", () => client.destroy());
    return server;
  }

  #keep(socket: Socket): Socket {
    this.#sockets.add(socket);
    return socket.on("close", () => this.#sockets.delete(socket));
  }

  #tick(): void {
    for (const flow of [this.up, this.down]) flow.budget = (flow.bytesPerSecond * TICK) / 1000;
    for (const { up, down } of this.#routes) {
      up.pump();
      down.pump();
    }
  }
}
