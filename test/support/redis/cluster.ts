import { Redis } from "ioredis";
import { until } from "../backplane/until.ts";
import { freePort } from "../ports.ts";
import { RedisServer } from "./server.ts";

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

  /** The server that has a slot. */
  async ownerOf(slot: number): Promise<RedisServer> {
    const [, owner] = await this.#find(slot);
    return owner;
  }

  /** Moves a slot, with its keys, to another server. */
  async move(slot: number): Promise<void> {
    const [ids, owner] = await this.#find(slot);
    const target = this.servers.find((server) => server !== owner)!;
    const clients = new Map(this.servers.map((server) => [server, new Redis(server.port, "127.0.0.1")]));
    const [from, to] = [clients.get(owner)!, clients.get(target)!];
    try {
      await to.call("cluster", "setslot", slot, "importing", ids.get(owner.port)!);
      await from.call("cluster", "setslot", slot, "migrating", ids.get(target.port)!);
      const keys = (await from.call("cluster", "getkeysinslot", slot, 1_000)) as string[];
      if (keys.length > 0) await from.call("migrate", "127.0.0.1", target.port, "", 0, 5_000, "keys", ...keys);
      for (const server of [target, owner, ...this.servers])
        await clients.get(server)!.call("cluster", "setslot", slot, "node", ids.get(target.port)!);
    } finally {
      for (const client of clients.values()) client.disconnect();
    }
  }

  /** Ends all servers. */
  async end(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.end()));
  }

  /** The ids of all servers by their ports, and the server that has a slot. */
  async #find(slot: number): Promise<readonly [ReadonlyMap<number, string>, RedisServer]> {
    const client = new Redis(this.servers[0]!.port, "127.0.0.1");
    const ranges = (await client.call("cluster", "slots")) as [number, number, [string, number, string]][];
    client.disconnect();
    const ids = new Map(ranges.map(([, , [, port, id]]) => [port, id]));
    const port = ranges.find(([from, to]) => from <= slot && slot <= to)?.[2][1];
    return [ids, this.servers.find((server) => server.port === port)!];
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
