import { expect, test } from "vitest";
import { linesSent, sendHeader } from "../../src/server/header-lines.ts";
import { until } from "../support/peer.ts";
import { pausedPeer } from "../support/slow-peer.ts";

const POLICIES = ["drop-newest", "drop-oldest", "latest"] as const;

/** A client that reads nothing, for which so much waits that the next message is dropped, or drops another one. */
async function fullPeer(sendQueuePolicy: (typeof POLICIES)[number]) {
  const pair = await pausedPeer({ sendQueuePolicy, maxSendQueue: 64_000, highWaterMark: 1_000 });
  const filler = "x".repeat(60_000);
  for (let n = 0; n < 200; n++) pair.ws.send(filler);
  return { ...pair, filler };
}

test.each(POLICIES)("%s drops no line, and changes no order of lines", async (policy) => {
  const { ws, peer, filler } = await fullPeer(policy);
  for (let n = 0; n < 5; n++) {
    sendHeader(ws, `line ${n}`);
    ws.send(filler);
  }
  peer.socket.resume();
  await linesSent(ws);
  await until(() => peer.messages.includes("line 4"));
  expect(peer.messages.filter((one) => String(one).startsWith("line"))).toEqual(
    Array.from({ length: 5 }, (_, n) => `line ${n}`),
  );
  expect(linesSent(ws)).toBeUndefined();
});

test("a connection that closes meanwhile leaves no promise", async () => {
  const { ws, wss } = await fullPeer("drop-newest");
  sendHeader(ws, "line");
  const sent = linesSent(ws);
  expect(sent).toBeInstanceOf(Promise);
  void wss.terminate(0);
  await sent;
  sendHeader(ws, "late");
  expect(linesSent(ws)).toBeUndefined();
});
