import { createCluster } from "redis";
import { afterAll, beforeAll } from "vitest";
import { driverSuite } from "../support/backplane/suite.ts";
import { RedisCluster } from "../support/redis/cluster.ts";
import { redisBrokers } from "../support/redis/rig.ts";
import { describeWith } from "../support/system.ts";

describeWith("redis", "a cluster of three masters", (path) => {
  let cluster: RedisCluster;
  let client: ReturnType<typeof createCluster>;
  beforeAll(async () => {
    cluster = await RedisCluster.start(path);
    client = createCluster({ rootNodes: cluster.servers.map(({ port }) => ({ url: `redis://127.0.0.1:${port}` })) });
    await client.connect();
  });
  afterAll(async () => {
    client.destroy();
    await cluster.end();
  });

  driverSuite(
    "redis, with a cluster of node-redis",
    redisBrokers(
      () => client,
      (command, key, ...args) => client.sendCommand(String(key), false, [command, String(key), ...args.map(String)]),
    ),
  );
});
