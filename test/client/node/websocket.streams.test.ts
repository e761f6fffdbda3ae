import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { Writable } from "node:stream";
import { buffer } from "node:stream/consumers";
import type { ReadableStream as NodeReadableStream } from "node:stream/web";
import { type ClientHandler, type ClientOptions, type WSMessageStartEvent, WebSocket } from "hawser/client";
import { TopicClient } from "hawser/client/topics";
import { describe, expect, onTestFinished, test } from "vitest";
import { type WebSocket as Peer, WebSocketServer } from "ws";
import { noise } from "../../compression/samples.ts";
import { deferred } from "../../support/peer.ts";

const MIB = 1024 * 1024;

/** A server of the `ws` package that does this with each client. */
async function serve(react: (peer: Peer) => void): Promise<string> {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: { threshold: 0 } });
  server.on("connection", (peer) => {
    peer.on("error", () => {}); // the client has gone
    react(peer);
  });
  await once(server, "listening");
  onTestFinished(() => {
    for (const peer of server.clients) peer.terminate();
    server.close();
  });
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function open(
  url: string,
  handler: ClientHandler<unknown, "auto">,
  options: ClientOptions<"auto"> = {},
): WebSocket<object, unknown, "auto"> {
  const ws = new WebSocket(url, handler, { dataType: "auto", ...options });
  onTestFinished(() => ws.destroy());
  return ws;
}

function read({ stream }: WSMessageStartEvent): Promise<Buffer> {
  return buffer(stream as NodeReadableStream);
}

describe.each([false, true])("onMessageStart of a client, compressed: %s", (compression) => {
  const sent = Buffer.from(noise(3 * MIB));

  /** Sends a large message in fragments, and a text after it. */
  function sendBoth(peer: Peer): void {
    for (let at = 0; at < sent.length; at += MIB)
      peer.send(sent.subarray(at, at + MIB), { fin: at + MIB >= sent.length });
    peer.send("after it");
  }

  test("reads a message that is larger than maxMessageSize, and the next one comes after it", async () => {
    const calls: unknown[] = [];
    const done = deferred();
    const ws = open(
      await serve(sendBoth),
      {
        async onMessageStart(one, event) {
          if (event.isText) return;
          calls.push(one === ws, (await read(event)).equals(sent));
        },
        onMessage(_ws, { data }) {
          calls.push(data);
          done.resolve();
        },
      },
      { compression, maxMessageSize: MIB },
    );
    await done.promise;
    expect(calls).toEqual([true, true, "after it"]);
    expect(ws.extensions === "").toBe(!compression);
  });

  test("may return a Writable, without being async", async () => {
    const chunks: Buffer[] = [];
    const write = (chunk: Buffer, _encoding: unknown, next: () => void): void => {
      chunks.push(chunk);
      next();
    };
    const done = deferred();
    open(
      await serve(sendBoth),
      {
        onMessageStart: (_ws, { isText }) => (isText ? undefined : new Writable({ write })),
        onMessage: () => done.resolve(),
      },
      { compression },
    );
    await done.promise;
    expect(Buffer.concat(chunks).equals(sent)).toBe(true);
  });

  test("may leave a message to onMessage", async () => {
    const got = deferred<unknown>();
    open(
      await serve(sendBoth),
      { onMessageStart: () => undefined, onMessage: (_ws, { data }) => got.resolve(data) },
      { compression },
    );
    expect(sent.equals((await got.promise) as Buffer)).toBe(true);
  });

  test("and maxStreamSize is its limit", async () => {
    let error: unknown;
    const closed = deferred<number>();
    const ws = open(
      await serve((peer) => {
        peer.on("close", closed.resolve);
        sendBoth(peer);
      }),
      {
        onMessageStart: (_ws, event) => read(event),
        onMessage: () => expect.fail("It was gathered"),
        onError: (_ws, { errors }) => void (error = errors[0].cause),
      },
      { compression, maxStreamSize: 2 * MIB },
    );
    await ws.closed;
    expect(await closed.promise).toBe(1009);
    expect(error).toMatchObject({ code: "HWS_STREAM_TOO_BIG" });
  });
});

test("what no stream takes can be iterated", async () => {
  const streamed: string[] = [];
  const ws = open(await serve((peer) => ["a", "b", "c"].forEach((text) => peer.send(text, { binary: text === "b" }))), {
    async onMessageStart(_ws, event) {
      if (!event.isText) streamed.push(String(await read(event)));
    },
  });
  const got: unknown[] = [];
  for await (const data of ws) if (got.push(data) === 2) break;
  expect([got, streamed]).toEqual([["a", "c"], ["b"]]);
});

// The beginning of a message whose rest never comes.
const cuts: readonly (readonly [string, (ws: WebSocket<object, unknown, "auto">, peer: Peer) => void])[] = [
  ["the connection is lost", (_ws, peer) => peer.terminate()],
  ["the application dials anew", (ws) => ws.reconnect()],
];

test.each(cuts)("a stream is cut if %s, and the client is connected again", async (_what, cut) => {
  const peers: Peer[] = [];
  const url = await serve((peer) => {
    peers.push(peer);
    if (peers.length === 1) peer.send("begins", { fin: false });
  });
  const [failed, back] = [deferred<unknown>(), deferred()];
  const ws = open(
    url,
    {
      async onMessageStart(_ws, { stream }) {
        try {
          for await (const _chunk of stream) cut(ws, peers[0]!);
        } catch (error) {
          failed.resolve(error);
          // An application wraps it, and so may what it calls.
          throw new Error("outer", { cause: new Error("inner", { cause: error }) });
        }
      },
      onReconnected: () => back.resolve(),
    },
    { reconnect: { baseDelay: 1 } },
  );
  expect(await failed.promise).toMatchObject({ code: "HWS_MESSAGE_CUT" });
  await back.promise;
  expect([ws.status, peers.length]).toEqual(["Connected", 2]);
});

/** Destinations that take the first chunk for ever. */
const stuck: readonly (readonly [string, (onStop: (reason: unknown) => void) => Writable | WritableStream])[] = [
  [
    "a Writable",
    (onStop) =>
      new Writable({
        write: () => undefined,
        destroy: (error, done) => {
          onStop(error);
          done(error);
        },
      }),
  ],
  [
    "a WritableStream",
    (onStop) =>
      new WritableStream({
        write: (_chunk, { signal }) => {
          signal.addEventListener("abort", () => onStop(signal.reason));
          return new Promise(() => undefined);
        },
      }),
  ],
];

describe.each(stuck)("%s that takes nothing more", (_what, make) => {
  test("is stopped when the connection is lost, and the client is connected again", async () => {
    let dials = 0;
    const url = await serve((peer) => {
      if (dials++ === 0) peer.send("begins", { fin: false });
    });
    const [stopped, back] = [deferred<unknown>(), deferred()];
    const ws = open(
      url,
      {
        onMessageStart: (one) => {
          setImmediate(() => one.reconnect());
          return make(stopped.resolve);
        },
        onReconnected: () => back.resolve(),
      },
      { reconnect: { baseDelay: 1 } },
    );
    expect(await stopped.promise).toMatchObject({ code: "HWS_MESSAGE_CUT" });
    await back.promise;
    expect([ws.status, dials]).toEqual(["Connected", 2]);
  });

  test.each<[string, (ws: WebSocket<object, unknown, "auto">, peer: Peer) => void]>([
    ["the connection is lost", (_ws, peer) => peer.terminate()],
    ["destroy()", (ws) => ws.destroy()],
  ])("is stopped after %s, and the client has ended", async (_end, end) => {
    const peers: Peer[] = [];
    const url = await serve((peer) => {
      peers.push(peer);
      peer.send("begins", { fin: false });
    });
    const stopped = deferred<unknown>();
    const ws: WebSocket<object, unknown, "auto"> = open(url, {
      onMessageStart: () => {
        setImmediate(() => end(ws, peers[0]!));
        return make(stopped.resolve);
      },
    });
    expect(await stopped.promise).toMatchObject({ code: "HWS_MESSAGE_CUT" });
    expect(await ws.closed).toMatchObject({ code: 1006 });
  });
});

test("a stream of a file that cannot be written ends the client as a callback that throws", async () => {
  let error: unknown;
  const ws = open(
    await serve((peer) => peer.send("text")),
    {
      onMessageStart: () => new Writable({ write: (_chunk, _encoding, done) => done(new Error("the disk is full")) }),
      onError: (_ws, { errors }) => void (error = errors[0].cause),
    },
    { reconnect: true },
  );
  expect(await ws.closed).toMatchObject({ code: 1011 });
  expect(error).toMatchObject({ message: "the disk is full" });
});

test("a client with topics refuses it: its messages are gathered", () => {
  const handler = { onMessageStart: () => undefined };
  // @ts-expect-error its type says so too
  const make = (): unknown => new TopicClient("ws://a", handler);
  expect(make).toThrow("handler: onMessageStart: with topics a message comes only as a whole");
});

test("a client sends a stream as one message, refuses one before it is connected, and drops one after its end", async () => {
  const got = deferred<string>();
  const url = await serve((peer) =>
    peer.on("message", (data: Buffer, isBinary) => got.resolve(`${String(isBinary)} ${String(data)}`)),
  );
  const parts = async function* (): AsyncGenerator<string> {
    yield "one ";
    yield "text";
  };
  const ws = open(url, { onOpen: (one) => void one.send(parts()) });
  const early = parts();
  expect(() => ws.send(early)).toThrow("message: a stream cannot wait for a connection: wait for onOpen");
  expect(await early.next()).toEqual({ done: true, value: undefined });
  expect(await got.promise).toBe("false one text");
  ws.terminate();
  for (const end of [undefined, ws.closed]) {
    await end;
    const late = parts();
    expect(ws.send(late)).toBe(false);
    expect(await late.next()).toEqual({ done: true, value: undefined });
  }
});
