import { Redis } from "ioredis";
import { until } from "../backplane/until.ts";
import { RedisServer, freePort } from "./server.ts";

const SLOTS = 16_384;

/** A cluster of three masters. */
export class RedisCluster {
  readonly servers: readonly RedisServer[];

  private constructor(servers: readonly RedisServer[]) {
    this.servers = servers;
  }

  /** Starts it, and waits until all of them know all. */
  static async start(path: string): Promise<RedisCluster> {
    const buses = [await freePort(), await freePort(), await freePort()];
    const servers = await Promise.all(
      buses.map((bus) => RedisServer.start(path, ["--cluster-enabled", "yes", "--cluster-port", String(bus)])),
    );
    const cluster = new RedisCluster(servers);
    const clients = servers.map(({ port }) => new Redis(port, "127.0.0.1"));
    try {
      await cluster.#join(clients, buses);
    } finally {
      for (const client of clients) client.disconnect();
    }
    return cluster;
  }

  /** Ends all servers. */
  async end(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.end()));
  }

  async #join(clients: readonly Redis[], buses: readonly number[]): Promise<void> {
    const count = clients.length;
    for (const [i, client] of clients.entries()) {
      const [from, to] = [Math.floor((SLOTS * i) / count), Math.floor((SLOTS * (i + 1)) / count) - 1];
      await client.call("cluster", "addslotsrange", from, to);
      await client.call("cluster", "set-config-epoch", i + 1);
    }
    for (const [i, { port }] of this.servers.entries())
      if (i > 0) await clients[0]!.call("cluster", "meet", "127.0.0.1", port, buses[i]!);
    for (const client of clients)
      await until("the cluster", async () => {
        const info = String(await client.call("cluster", "info"));
        return info.includes("cluster_state:ok") && info.includes(`cluster_known_nodes:${count}`);
      });
  }
}
