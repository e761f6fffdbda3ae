/** Our client with topics, for another runtime: subscribes at a URL, is cut once, and prints as JSON what it was called back with. */
import { TopicClient } from "../../../src/client-topics.ts";

const [, , url = ""] = process.argv;
const calls: unknown[] = [];

const client = new TopicClient(
  url,
  {
    onTopic(ws, { topic, data, position }) {
      calls.push([topic, data, typeof position]);
      // The server cuts the connection, and publishes the next text meanwhile.
      if (data === "one") ws.send("cut");
      else ws.terminate();
    },
    onReconnected: (_ws, { recovered }) => void calls.push({ recovered }),
  },
  { reconnect: { baseDelay: 1, maxDelay: 1 } },
);
const answers = [
  await client.subscribe("secret").catch((error: unknown) => (error as { code: string }).code),
  (await client.subscribe("chat:1", { last: 1 })).recovered ?? "not asked",
];
await client.closed;
console.log(JSON.stringify([answers, calls]));
