import { Redis } from "ioredis";
import { afterAll, beforeAll } from "vitest";
import { driverSuite } from "../support/backplane/suite.ts";
import { redisBrokers } from "../support/redis/rig.ts";
import { RedisServer } from "../support/redis/server.ts";
import { describeWith } from "../support/system.ts";

describeWith("redis", "one server", (path) => {
  let server: RedisServer;
  let client: Redis;
  beforeAll(async () => {
    server = await RedisServer.start(path);
    client = new Redis(server.port, "127.0.0.1");
  });
  afterAll(async () => {
    client.disconnect();
    await server.end();
  });

  driverSuite(
    "redis, with ioredis",
    redisBrokers(
      () => client,
      (command, ...args) => client.call(command, ...args),
    ),
  );
});
