import type { Peer } from "../peers.ts";
import { ServerProcess } from "./processes.ts";
import { RedisServer } from "./redis-server.ts";
import type { Site } from "./rounds.ts";

/** Starts two servers of a peer, and a Redis of their own that joins them: all on the core of the servers. */
export async function startJoined(peer: Peer, route: string): Promise<Site> {
  const broker = await RedisServer.start();
  const started: (RedisServer | ServerProcess)[] = [broker];
  const stop = async (): Promise<void> => {
    await Promise.all(started.map((each) => each.stop()));
  };
  try {
    const environment = { ...peer.environment, REDIS_PORT: String(broker.port) };
    const near = await ServerProcess.start({ ...peer, environment }, route);
    started.push(near);
    const far = await ServerProcess.start({ ...peer, environment }, route);
    started.push(far);
    const serverPids = [near.pid, far.pid];
    return { job: { port: near.port, secondPort: far.port, serverPids, brokerPid: broker.pid }, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
