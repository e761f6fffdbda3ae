import type { WebSocketConnection } from "hawser";
import { expect } from "vitest";
import type { Reactions, Recorder } from "../../support/live-server.ts";
import type { Client, Ending } from "../clients/client.ts";
import { binary, seen, text } from "../clients/content.ts";
import type { Scenario } from "./scenario.ts";
import { connect, connected, echo, serve } from "./serve.ts";

/** 123 bytes: the longest reason. */
const LONGEST = `${"ü".repeat(60)}abc`;

/** The client closes; `onTerminate` must see that, and the client its own code in the server's answer. */
async function clientCloses(client: Client, ...[code, reason]: [code?: number, reason?: string]): Promise<void> {
  const { peer, recorder, wss } = await connected(client);
  await (code === undefined ? peer.close() : reason === undefined ? peer.close(code) : peer.close(code, reason));
  expect((await peer.closed()).code).toBe(code ?? 1005);
  await recorder.over;
  expect(recorder.calls).toEqual([["open"], ["terminate", code ?? 1005, reason]]);
  expect(wss.connections.length).toBe(0);
}

/** The server closes; the client must see `expected`, and `onTerminate` the client's answer. */
async function serverCloses(
  client: Client,
  close: (ws: WebSocketConnection<Recorder>) => void,
  expected: Ending,
): Promise<void> {
  const { peer, recorder } = await connected(client, { message: close });
  await peer.send(text("close"));
  expect(await peer.closed()).toEqual(expected);
  await recorder.over;
  expect(recorder.calls.map(([callback]) => callback)).toEqual(["open", "message", "terminate"]);
  expect(recorder.end![0]).toBe(expected.code);
}

/** The server fails the connection with this code and reason when the client sends `content`. */
async function serverFails(client: Client, expected: Ending, content: Parameters<typeof seen>[0]): Promise<void> {
  const { url, recorders } = await serve(echo, { maxMessageSize: 1000, dataType: "text" });
  const other = await connect(client, url);
  const peer = await connect(client, url);
  await peer.send(text("before"));
  expect(await peer.received(1)).toEqual(["text: before"]);
  await peer.send(content);
  expect(await peer.closed()).toEqual(expected);
  await recorders[1]!.over;
  expect(recorders[1]!.calls).toEqual([
    ["open"],
    ["message", "before"],
    ["error", expect.any(Number)],
    ["terminate", 1006, undefined],
  ]);
  await other.send(text("still here"));
  expect(await other.received(1)).toEqual(["text: still here"]);
}

const thrower: Reactions = {
  message() {
    throw new Error("a secret of the server's");
  },
};

/** The end of connections, from both sides. */
export const closing = {
  "the client closes without a code": (client) => clientCloses(client),
  "the client closes with 1000": (client) => clientCloses(client, 1000),
  "the client closes with 1001": (client) => clientCloses(client, 1001, "on my way"),
  "the client closes with 3000 and a reason": (client) => clientCloses(client, 3000, "enough"),
  "the client closes with 4999 and the longest reason": (client) => clientCloses(client, 4999, LONGEST),

  "the server closes without a code": (client) =>
    serverCloses(client, (ws) => ws.terminate(), { code: 1005, reason: "" }),
  "the server closes with 1000, and the message is not sent": (client) =>
    serverCloses(client, (ws) => ws.terminate(1000, "not sent"), { code: 1000, reason: "" }),
  "the server closes with 1000 and a reason": (client) =>
    serverCloses(client, (ws) => ws.close(1000, "bye"), { code: 1000, reason: "bye" }),
  "the server closes with 3001 alone": (client) =>
    serverCloses(client, (ws) => ws.terminate(3001), { code: 3001, reason: "" }),
  "the server closes with 4000 and a message": (client) =>
    serverCloses(client, (ws) => ws.terminate({ code: 4000, message: "à bientôt" }), {
      code: 4000,
      reason: "à bientôt",
    }),
  "the server closes with 4999 and the longest message": (client) =>
    serverCloses(client, (ws) => ws.terminate(4999, LONGEST), { code: 4999, reason: LONGEST }),

  "what was sent before the close arrives before it": async (client) => {
    const react: Reactions = {
      message(ws) {
        for (let n = 0; n < 100; n++) ws.send(`${n}`);
        ws.terminate(4001, "that was all");
      },
    };
    const { peer } = await connected(client, react);
    await peer.send(text("go"));
    expect(await peer.received(100)).toEqual(Array.from({ length: 100 }, (_, n) => `text: ${n}`));
    expect(await peer.closed()).toEqual({ code: 4001, reason: "that was all" });
  },

  "a server that shuts down sends a close frame to every client": async (client) => {
    const { url, wss, recorders } = await serve();
    const peers = [await connect(client, url), await connect(client, url)];
    await wss.terminate();
    for (const [i, peer] of peers.entries())
      expect(await peer.closed()).toEqual({ code: 1001, reason: `retry-after=${i + 1}` });
    expect(recorders.map((recorder) => recorder.end![0])).toEqual([1001, 1001]);
    expect(wss.terminated).toBe(true);
  },

  "the clients of a server that is destroyed get 1006": async (client) => {
    const { peer, wss, recorder } = await connected(client);
    await wss.terminate(0);
    expect(await peer.closed()).toEqual({ code: 1006, reason: "" });
    expect(recorder.end).toEqual([1006, undefined]);
  },

  "a client that is lost counts as 1006": async (client) => {
    const { peer, recorder, wss } = await connected(client);
    await peer.send(text("alive"));
    expect(await peer.received(1)).toEqual(["text: alive"]);
    await peer.lose();
    await recorder.over;
    expect(recorder.end).toEqual([1006, undefined]);
    expect(wss.connections.length).toBe(0);
  },

  "a message of the permitted size passes, one byte more is closed with 1009": async (client) => {
    const { peer, recorder } = await connected(client, echo, { maxMessageSize: 100_000 });
    await peer.send(binary("7f", 100_000));
    expect(await peer.received(1)).toEqual([seen(binary("7f", 100_000))]);
    await peer.send(binary("7f", 100_001));
    expect(await peer.closed()).toEqual({ code: 1009, reason: "message too big" });
    await recorder.over;
    expect(recorder.messages).toHaveLength(1);
  },

  "a client gets 1009 also when it had megabytes more to send": (client) =>
    serverFails(client, { code: 1009, reason: "message too big" }, binary("7f", 8_000_000)),
  "bytes that are not UTF-8 in a text are closed with 1007": (client) =>
    serverFails(client, { code: 1007, reason: "invalid UTF-8" }, binary("c328")),

  "a handler that throws closes with 1011, and the text of its error is not sent": async (client) => {
    const { peer, recorder } = await connected(client, thrower);
    await peer.send(text("go"));
    expect(await peer.closed()).toEqual({ code: 1011, reason: "" });
    await recorder.over;
    expect(recorder.calls.map(([callback]) => callback)).toEqual(["open", "message", "error", "terminate"]);
  },
} satisfies Record<string, Scenario>;
