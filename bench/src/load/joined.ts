import type { Client } from "./client.ts";
import { type ConnectedClients, connectAll, measured } from "./connect.ts";
import type { Job, Sample } from "./job.ts";
import { Latencies } from "./latency.ts";
import { Meter } from "./meter.ts";

type OnReplies = (client: Client, count: number) => void;

/**
 * Fan-out to the connections of two servers. One connection of the first server sends. A message is in flight until the sender and one
 * connection of the second server have received it, so neither server gets more than the other can take.
 */
export async function joined(job: Job): Promise<Sample> {
  const meter = new Meter(job);
  const received = { near: 0, far: 0 };
  let done = 0;
  const sendNext = (): void => {
    const now = Math.min(received.near, received.far);
    if (now === done) return;
    near.clients[0]?.send(now - done);
    done = now;
  };
  const near = await connectAll(job, (client, count) => {
    meter.count += count;
    if (client !== near.clients[0]) return;
    received.near += count;
    sendNext();
  });
  const far = await connectFar(job, (client, count) => {
    meter.count += count;
    if (client !== far.clients[0]) return;
    received.far += count;
    sendNext();
  });
  near.clients[0]?.send(job.depth);
  return measured(job, both(near, far), meter);
}

/** Sends at a fixed rate to one server. The time of a message ends when a connection of the other server has received it. */
export async function crossing(job: Job): Promise<Sample> {
  const meter = new Meter(job);
  const latencies = new Latencies(job);
  const near = await connectAll(job, (_, count) => (meter.count += count));
  const [sender] = near.clients;
  const far = await connectFar(job, (client, count) => {
    meter.count += count;
    if (client === far.clients[0] && sender !== undefined) latencies.noteAnswers(sender, count);
  });
  const stop = latencies.start(near.clients.slice(0, 1));
  try {
    return await measured(job, both(near, far), meter, latencies);
  } finally {
    stop();
  }
}

function connectFar(job: Job, onReplies: OnReplies): Promise<ConnectedClients> {
  if (job.secondPort === undefined) throw new RangeError("there is no second server");
  return connectAll({ ...job, port: job.secondPort }, onReplies);
}

function both(near: ConnectedClients, far: ConnectedClients): ConnectedClients {
  return {
    clients: [...near.clients, ...far.clients],
    failure: Promise.race([near.failure, far.failure]),
    traffic: near.traffic,
  };
}
