import { Peers, type PeersOptions } from "../../test/hostile/support/peers.ts";
import { Remote } from "../../test/hostile/support/remote.ts";
import type { ServerMethods, ServerOptions } from "../../test/hostile/support/server.ts";
import type { SwarmMethods } from "../../test/hostile/support/swarm.ts";

/** One process for the server, and one for the peers that attack it. */
export class HostileProcesses {
  /** The process of the server. */
  readonly server: Remote<ServerMethods>;
  /** The port of the server, on 127.0.0.1. */
  port = 0;
  readonly #swarm: Remote<SwarmMethods>;
  #secure = false;

  constructor() {
    const support = new URL("../../test/hostile/support/", import.meta.url);
    this.server = new Remote(new URL("server.ts", support));
    this.#swarm = new Remote(new URL("swarm.ts", support));
  }

  /** Starts a new server in place of the last one. */
  async start(options: ServerOptions): Promise<void> {
    this.port = await this.server.call("start", options);
    this.#secure = options.secure === true;
  }

  /** Connects hostile peers. */
  async peers(count: number, options: PeersOptions = {}): Promise<Peers> {
    return Peers.open(this.#swarm, count, { secure: this.#secure, ...options, port: this.port });
  }

  /** Resets all hostile connections, and waits until the server has at most `left` sockets. */
  async clear(left: number): Promise<void> {
    await this.#swarm.call("clear");
    await this.server.call("release");
    while ((await this.server.call("state")).sockets > left) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  /** Ends both processes. */
  async end(): Promise<void> {
    await Promise.all([this.server.end(), this.#swarm.end()]);
  }
}
