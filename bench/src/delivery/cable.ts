import { once } from "node:events";
import { type AddressInfo, type Server, type Socket, connect, createServer } from "node:net";

/** How a cable is cut. */
export const CUTS = ["reset", "silent"] as const;

/** One of {@link CUTS}: both ends see it at once, or neither until it is over, and what was sent meanwhile is lost. */
export type Cut = (typeof CUTS)[number];

/** A connection of the client, and the one to the server that it was given. */
interface Link {
  readonly ends: readonly [Socket, Socket];
  isSilent: boolean;
}

/** A TCP proxy for one client. It gives each connection another server, and can be cut. */
export class Cable {
  /** Where the client connects. */
  readonly port: number;
  readonly #server: Server;
  readonly #targets: readonly number[];
  readonly #links = new Set<Link>();
  #connections: number;
  #isCut = false;

  private constructor(server: Server, targets: readonly number[], first: number) {
    this.#server = server;
    this.#targets = targets;
    this.#connections = first;
    this.port = (server.address() as AddressInfo).port;
    server.on("connection", (socket) => this.#join(socket));
  }

  /**
   * Opens one.
   *
   * @param targets - the ports of the servers
   * @param first - the server of the first connection
   */
  static async open(targets: readonly number[], first: number): Promise<Cable> {
    const server = createServer({ noDelay: true });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new Cable(server, targets, first);
  }

  /** Whether it is cut now. */
  get isCut(): boolean {
    return this.#isCut;
  }

  /**
   * Cuts it: its connections end, and there are no new ones.
   *
   * @returns a function that ends the cut
   */
  cut(how: Cut): () => void {
    this.#isCut = true;
    const links = [...this.#links];
    if (how === "reset") links.forEach(end);
    else for (const link of links) link.isSilent = true;
    return () => {
      links.forEach(end);
      this.#isCut = false;
    };
  }

  /** Ends it, and its connections. */
  close(): void {
    this.#server.close();
    this.#links.forEach(end);
  }

  #join(client: Socket): void {
    client.on("error", () => undefined);
    if (this.#isCut) return void client.destroy();
    const target = this.#targets[this.#connections++ % this.#targets.length]!;
    const server = connect({ port: target, host: "127.0.0.1", noDelay: true });
    const link: Link = { ends: [client, server], isSilent: false };
    this.#links.add(link);
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      from.on("data", (chunk) => link.isSilent || to.write(chunk));
      from.on("error", () => undefined);
      from.on("close", () => {
        this.#links.delete(link);
        end(link);
      });
    }
  }
}

/** Resets both connections. */
function end({ ends }: Link): void {
  for (const socket of ends) if (!socket.destroyed) socket.resetAndDestroy();
}
