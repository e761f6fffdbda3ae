import { Cluster } from "ioredis";
import { afterAll, beforeAll } from "vitest";
import { driverSuite } from "../support/backplane/suite.ts";
import { RedisCluster } from "../support/redis/cluster.ts";
import { redisBrokers } from "../support/redis/rig.ts";
import { describeWith } from "../support/system.ts";

describeWith("redis", "a cluster of three masters", (path) => {
  let cluster: RedisCluster;
  let client: Cluster;
  beforeAll(async () => {
    cluster = await RedisCluster.start(path);
    client = new Cluster(cluster.servers.map(({ port }) => ({ host: "127.0.0.1", port })));
  });
  afterAll(async () => {
    client.disconnect();
    await cluster.end();
  });

  driverSuite(
    "redis, with a cluster of ioredis",
    redisBrokers(
      () => client,
      (command, ...args) => client.call(command, ...args),
    ),
  );
});
