import { WebSocket } from "../../../src/client.ts";
import { TopicClient } from "../../../src/client-topics.ts";
import { clientContract } from "../../client/contract/client-contract.ts";
import { scenarios } from "../../client/contract/scenarios/all.ts";

clientContract({
  place: () => ({ run: (title, script) => scenarios[title]!({ WebSocket, TopicClient, script }) }),
  skip: [
    {
      reason: "Node reads nothing while a callback is awaited, and notices the loss after it",
      tests: ["onReconnecting waits for the messages that came before the loss, the dial does not"],
    },
    {
      reason: "Node pauses reading, and pings",
      tests: [
        "a handler that is too slow for maxReceiveQueue ends it with 1013",
        "a server that does not answer the probe is lost",
      ],
    },
  ],
});
