import type { Backplane, Driver } from "../../../src/backplane/contract.ts";
import { randomName } from "../../../src/backplane/ids.ts";
import { type RedisClient, redis } from "../../../src/redis/redis.ts";
import type { MakeBroker, SuiteBroker } from "../backplane/rig.ts";

// A test may leave fake timers.
const { setTimeout } = globalThis;

/** Sends one command. */
export type Admin = (command: string, ...args: (string | number)[]) => Promise<unknown>;

/** Brokers for the suite on one server or cluster: each has a prefix of its own. */
export function redisBrokers(client: () => RedisClient, admin: Admin): MakeBroker {
  return () => Promise.resolve(redisBroker(client(), admin));
}

/** A broker for one test. */
function redisBroker(client: RedisClient, admin: Admin): SuiteBroker {
  const prefix = `test-${randomName()}`;
  const inner = redis(client, { prefix });
  const drivers: Driver[] = [];
  const backplane: Backplane = {
    createDriver() {
      const driver = inner.createDriver();
      drivers.push(driver);
      return driver;
    },
  };
  /** What a node has sent before is done, and what was published before has come to it. Closed nodes reject. */
  const beats = (): Promise<unknown> => Promise.allSettled(drivers.map((driver) => driver.beat()));
  return {
    backplane,
    now: () => performance.now(),
    pass: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    endLease: async (node) => {
      await admin("zadd", `${prefix}:{0}:nodes`, 1, node);
    },
    settle: async () => {
      await beats();
      await beats();
    },
    end: () => Promise.resolve(),
  };
}
