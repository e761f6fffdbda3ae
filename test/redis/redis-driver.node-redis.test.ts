import { createClient } from "redis";
import { afterAll, beforeAll } from "vitest";
import { driverSuite } from "../support/backplane/suite.ts";
import { redisBrokers } from "../support/redis/rig.ts";
import { RedisServer } from "../support/redis/server.ts";
import { describeWith } from "../support/system.ts";

describeWith("redis", "one server", (path) => {
  let server: RedisServer;
  let client: ReturnType<typeof createClient>;
  beforeAll(async () => {
    server = await RedisServer.start(path);
    client = createClient({ url: `redis://127.0.0.1:${server.port}` });
    await client.connect();
  });
  afterAll(async () => {
    client.destroy();
    await server.end();
  });

  driverSuite(
    "redis, with node-redis",
    redisBrokers(
      () => client,
      (command, ...args) => client.sendCommand([command, ...args.map(String)]),
    ),
  );
});
