import { WebSocketServer, type WSConnectionEvent } from "hawser";
import { connect } from "hawser/testing";
import { expect, onTestFinished, test } from "vitest";
import { ownerFor, topicProtocolFor } from "../../src/server/topic-protocol.ts";
import { gets, topicServer } from "../support/topic-server.ts";

const handler = { onMessage: () => undefined, onSubscribe: () => true };

/** The subprotocol that a server chooses. */
async function chosen(one: object, offered: string[], options = {}, own?: string): Promise<string | undefined> {
  function onConnection(_wss: unknown, event: WSConnectionEvent) {
    if (own !== undefined) event.protocol = own;
    return one as typeof handler;
  }
  const wss = new WebSocketServer({ onConnection }, options);
  onTestFinished(() => wss.terminate(0));
  const client = await connect(wss, { protocols: offered });
  expect(wss.connections[0]?.protocol).toBe(client.protocol);
  return client.protocol;
}

test("hawser.v1 is chosen for a handler with onSubscribe, if the client offers it", async () => {
  expect(await chosen(handler, ["other", "hawser.v1"])).toBe("hawser.v1");
  expect(await chosen({ onMessage: handler.onMessage }, ["hawser.v1"])).toBeUndefined();
  expect(await chosen(handler, ["other"])).toBeUndefined();
  expect(await chosen(handler, [])).toBeUndefined();
});

test("it is not, if the option protocols or onConnection has chosen another one", async () => {
  const options = { protocols: ["other"] };
  expect(await chosen(handler, ["hawser.v1", "other"], options)).toBe("other");
  expect(await chosen(handler, ["hawser.v1", "mine"], {}, "mine")).toBe("mine");
  expect(await chosen(handler, ["hawser.v1"], options)).toBe("hawser.v1");
});

test("an onSubscribe that throws when it is read, or is no function, is none", () => {
  const thrower = Object.defineProperty({}, "onSubscribe", { get: () => expect.fail("read") });
  expect(topicProtocolFor(thrower, ["hawser.v1"])).toBeUndefined();
  expect(topicProtocolFor({ onSubscribe: true }, ["hawser.v1"])).toBeUndefined();
});

test("the option protocols may choose it: without onSubscribe every request is refused", async () => {
  const wss = new WebSocketServer(
    { onConnection: () => ({ onMessage: handler.onMessage }) },
    { protocols: ["hawser.v1"] },
  );
  onTestFinished(() => wss.terminate(0));
  const client = await connect(wss, { protocols: ["hawser.v1"] });
  client.send("\x1es - - chat\n");
  expect((await client.next()).value).toBe("\x1eu - 403 chat\n");
  expect(wss.counters.topicRequests).toEqual({ granted: 0, refused: 1, failed: 0, delayed: 0 });
});

test("connections with another subprotocol keep the server as their owner, and what begins as a request is a message", async () => {
  const { open, members } = await topicServer();
  const peer = await open([]);
  peer.socket.send("\x1es - - chat\n");
  peer.socket.send("\x1e");
  await expect.poll(() => members[0]!.log).toEqual(["\x1es - - chat\n", "\x1e"]);
  const server = { settings: { decode: {} } } as never;
  expect(ownerFor(undefined, server)).toBe(server);
  expect(ownerFor("other", server)).toBe(server);
  expect(ownerFor("hawser.v1", server)).not.toBe(server);
  expect(ownerFor("hawser.v1", server)).toBe(ownerFor("hawser.v1", server));
});

test("connections of both kinds are counted together, and end with their server", async () => {
  const { wss, open } = await topicServer();
  const [one, other] = [await open(), await open([])];
  one.socket.send("\x1es - - a\n");
  await gets(one, "\x1es - - a\n");
  await wss.terminate(1);
  for (const peer of [one, other]) expect((await peer.closed)[0]).toBe(1001);
  expect(wss.counters.connections).toEqual({ opened: 2, closed: 2, leaving: 0 });
});
