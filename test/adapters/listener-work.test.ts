import { once } from "node:events";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type WSConnectionEvent, type WSServerErrorEvent, WebSocketServer } from "hawser";
import { streamHandler, webStreamHandler } from "hawser/streams";
import { connect } from "hawser/testing";
import { socketHandler } from "hawser/ws";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import type { ConnectionHandlerType } from "../../src/server/handlers.ts";

/** A server, its failures, and whether a connection has ended with all that belongs to it. */
function start(handlerOf: (event: WSConnectionEvent) => ConnectionHandlerType, closeTimeout = 600_000) {
  const errors: string[] = [];
  const wss = new WebSocketServer(
    {
      onConnection: (_wss: unknown, event: WSConnectionEvent) => handlerOf(event),
      onError: (_wss: unknown, { errors: [{ message }] }: WSServerErrorEvent) => errors.push(message),
    },
    { dataType: "auto", closeTimeout },
  );
  onTestFinished(() => wss.terminate(0));
  const ended = (): Promise<void> =>
    vi.waitFor(() => {
      const { closed, leaving } = wss.counters.connections;
      expect([closed, leaving]).toEqual([1, 0]);
    });
  return { wss, errors, ended };
}

/** What never ends by itself. */
function endless(): Readable {
  return new Readable({ read: () => {} });
}

/** Listeners whose promise settles by the end of the connection. */
const LISTENERS: readonly (readonly [string, (event: WSConnectionEvent) => ConnectionHandlerType])[] = [
  ["pipeTo of web streams", () => webStreamHandler(({ readable, writable }) => readable.pipeTo(writable))],
  ["closed of web streams", () => webStreamHandler(({ closed }) => closed)],
  ["closed of a writer", () => webStreamHandler(({ writable }) => writable.getWriter().closed)],
  [
    "a loop over a stream",
    () =>
      streamHandler(async (stream) => {
        for await (const chunk of stream) stream.write(chunk);
      }),
  ],
  ["a pipeline of a stream", () => streamHandler((stream) => pipeline(stream, stream))],
  ["a pipeline into a stream", () => streamHandler((stream) => pipeline(endless(), stream.resume()))],
  ["once of a socket", (event) => socketHandler(event, (socket) => once(socket, "close"))],
];

describe.each(LISTENERS)(
  "the end of a connection does not wait for a listener that waits for it: %s",
  (_what, handlerOf) => {
    test("with a close of the peer", async () => {
      const { wss, errors, ended } = start(handlerOf);
      const client = await connect(wss);
      client.close(1000);
      await ended();
      expect([errors, wss.counters.tasks.unfinished]).toEqual([[], 0]);
    });

    test("with the loss of the peer", async () => {
      const { wss, errors, ended } = start(handlerOf);
      await connect(wss);
      wss.connections[0]?.destroy();
      await ended();
      expect([errors, wss.counters.tasks.unfinished]).toEqual([[], 0]);
    });
  },
);

describe("ListenerWork", () => {
  test("a failure of the listener's own after the end is told", async () => {
    const { wss, errors, ended } = start(() =>
      streamHandler(async (stream) => {
        for await (const chunk of stream) String(chunk);
        throw new Error("boom");
      }),
    );
    const client = await connect(wss);
    client.close(1000);
    await ended();
    expect(errors).toEqual(["boom"]);
  });

  test("the end of the server waits until the listener has settled", async () => {
    let isDone = false;
    const { wss } = start(() =>
      webStreamHandler(async ({ closed }) => {
        await closed.catch(() => {});
        for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
        isDone = true;
      }),
    );
    await connect(wss);
    await wss.terminate();
    expect(isDone).toBe(true);
  });

  test("one that never settles is given up after closeTimeout, and counted", async () => {
    const { wss, errors, ended } = start(() => streamHandler(() => new Promise(() => {})), 1);
    const client = await connect(wss);
    client.close(1000);
    await ended();
    expect([errors, wss.counters.tasks.unfinished]).toEqual([[], 1]);
  });
});
