import { expect, test } from "vitest";
import { type ConnectionHandler, WebSocketServer, type WSServerErrorEvent } from "hawser";
import { connect } from "hawser/testing";
import { SLOW, usePage } from "../support/page-project.ts";
import { PageClient, printed, refusal } from "./page-client.ts";

const project = usePage("docs/guides/errors-and-closing.md");

test(
  "a handler that throws closes its own connection with 1011, and the next client is served",
  async () => {
    const server = await project().start("errors.js");
    const other = await PageClient.open(server);
    const client = await PageClient.open(server);
    client.send("not a number");
    expect(await client.closed).toEqual([1011, ""]);
    await printed(server, "connection 2: Cannot convert not a number to a BigInt");
    await printed(server, "connection 2: local 1011 HWS_HANDLER_FAILED");
    other.send("21");
    expect(await other.text()).toBe("42");
    await server.stop();
  },
  SLOW,
);

test(
  "a code of one's own, the client's close, a lost network and a mistake of the client each have their line",
  async () => {
    const server = await project().start("errors.js");
    const refused = await PageClient.open(server);
    refused.send("");
    expect(await refused.closed).toEqual([4400, "a number is expected"]);
    await printed(server, "connection 1: local 4400 no cause");

    const leaving = await PageClient.open(server);
    leaving.socket.close(1000);
    await printed(server, "connection 2: peer 1000 no cause");

    const lost = await PageClient.open(server);
    lost.socket.terminate();
    await printed(server, "connection 3: network 1006 HWS_STREAM_ENDED");

    const tooBig = await PageClient.open(server);
    tooBig.send("1".repeat(1024 * 1024 + 1));
    expect(await tooBig.closed).toEqual([1009, "message too big"]);
    await printed(server, "connection 4: A message is larger than maxMessageSize");
    await printed(server, "connection 4: local 1006 HWS_MESSAGE_TOO_BIG");
    await server.stop();
  },
  SLOW,
);

test(
  "onConnection that throws is HTTP 500, and the server's onError gets the error; onRefused gets what the library refuses",
  async () => {
    const server = await project().start("errors.js");
    expect(await refusal(server, "/broken")).toEqual([500, "The server failed."]);
    await printed(server, "server: the database is down");
    await printed(server, "refused: 500 error");
    expect((await refusal(server, "/", { origin: "https://elsewhere.example" }))[0]).toBe(403);
    await printed(server, "refused: 403 origin");
    await server.stop();
  },
  SLOW,
);

test(
  "on SIGTERM clients get 1001, each timer is cleared, and the process ends by itself",
  async () => {
    const server = await project().start("cleanup.js");
    const [ann, bob] = [await PageClient.open(server), await PageClient.open(server)];
    expect(new Date(await ann.text()).getTime()).not.toBeNaN();
    bob.socket.close();
    await printed(server, "1 left, no cause");
    expect(await server.stop()).toBe(0);
    const [code, reason] = await ann.closed;
    expect([code, reason]).toEqual([1001, expect.stringMatching(/^retry-after=\d+$/)]);
    expect(server.output()).toContain("0 left, HWS_SHUTDOWN");
  },
  SLOW,
);

/** Lets a client of this handler send a message and leave. Returns its close code, and what the server's onError got. */
async function talk(handler: ConnectionHandler<"text">): Promise<readonly [code: number, errors: readonly string[]]> {
  const errors: string[] = [];
  const wss = new WebSocketServer({
    onConnection: () => handler,
    onError(_wss: WebSocketServer, { errors: [error], connection }: WSServerErrorEvent) {
      errors.push(`${error.message} of ${String(connection?.id)}`);
    },
  });
  const client = await connect(wss);
  client.send("hello");
  await client.ping();
  client.close(1000);
  const { code } = await client.closed;
  await wss.terminate();
  return [code, errors];
}

const fail = (text: string): never => {
  throw new Error(text);
};

test.each<readonly [what: string, handler: ConnectionHandler<"text">, code: number, errors: readonly string[]]>([
  ["onMessage, without onError", { onMessage: () => fail("message") }, 1011, ["message of 1"]],
  ["onMessage, with onError", { onMessage: () => fail("message"), onError() {} }, 1011, []],
  ["onOpen, async", { onOpen: () => Promise.reject(new Error("open")), onMessage() {} }, 1011, ["open of 1"]],
  ["work of waitUntil", { onMessage: (ws) => ws.waitUntil(async () => fail("work")) }, 1011, ["work of 1"]],
  ["onError", { onMessage: () => fail("message"), onError: () => fail("error") }, 1011, ["error of 1"]],
  ["onTerminate", { onMessage() {}, onTerminate: () => fail("end") }, 1000, ["end of 1"]],
])("the table is right about an error in %s", async (_what, handler, code, errors) => {
  expect(await talk(handler)).toEqual([code, errors]);
});
