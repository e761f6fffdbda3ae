import { createReadStream, createWriteStream } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { once } from "node:events";
import { type AddressInfo, type Socket, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type WSErrorEvent, type WSMessageStartEvent, type WebSocketConnection, WebSocketServer } from "hawser";
import { WebSocket as Client } from "hawser/client";
import { describe, expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { KINDS, transfer } from "../../scripts/reliability/streams/transfers.ts";
import { isLong } from "../support/long.ts";
import { deferred, portOf, until } from "../support/peer.ts";
import { certificate } from "../support/certificate.ts";
import { openSession } from "../support/http2-client.ts";
import { onEachTransport, ownPort, scheme, transport, wsOptions } from "../support/transport.ts";
import { noise } from "../compression/samples.ts";

const MIB = 1024 * 1024;

// Over HTTP/1.1: both ends are processes of scripts/streams.ts.
describe("a message that is larger than the memory that it takes", () => {
  // Compressed messages with a fast peer are in the long form only.
  test.each(KINDS.filter(({ isSlow, isCompressed }) => isLong || isSlow || !isCompressed))(
    "direction $direction, compressed: $isCompressed, slow: $isSlow",
    { timeout: 120_000 },
    async (kind) => {
      const { isSame, pings, pongs, growth } = await transfer(kind, 64 * MIB);
      expect([isSame, pongs]).toEqual([true, pings]);
      expect(growth).toBeLessThan(64 * MIB);
    },
  );
});

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "hawser-streams-"));
  onTestFinished(() => rm(path, { recursive: true }));
  return path;
}

async function serve(handler: object): Promise<string> {
  const wss = new WebSocketServer({ onConnection: () => handler as { onMessage(): void } }, await ownPort());
  onTestFinished(() => wss.terminate(0));
  return `ws://127.0.0.1:${String(await portOf(wss))}`;
}

onEachTransport(() => {
  test("a file is uploaded into a file, and sent from one", async () => {
    const path = await folder();
    const [from, to] = [join(path, "from"), join(path, "to")];
    const content = noise(3 * MIB);
    await writeFile(from, content);
    const url = await serve({
      onMessageStart: (_ws: WebSocketConnection, event: WSMessageStartEvent) =>
        event.isText ? undefined : createWriteStream(to),
      onMessage: (ws: WebSocketConnection) => ws.send(createReadStream(from)),
    });
    const client = new WebSocket(url, wsOptions());
    await once(client, "open");
    client.send(content);
    client.send("and now the other way");
    const [data] = (await once(client, "message")) as [Buffer];
    expect(data.equals(content)).toBe(true);
    expect((await readFile(to)).equals(content)).toBe(true);
    client.terminate();
  });

  test("a file that is not there ends the connection with 1011, and the handler is told why", async () => {
    const errors: string[] = [];
    const url = await serve({
      onMessage: (ws: WebSocketConnection) => ws.send(createReadStream("/no/such/file")),
      onError: (_ws: unknown, event: WSErrorEvent) => void errors.push(...event.errors.map(({ message }) => message)),
    });
    const client = new WebSocket(url, wsOptions());
    await once(client, "open");
    client.send("go");
    const [code] = (await once(client, "close")) as [number];
    expect(code).toBe(1011);
    expect(errors[1]).toContain("ENOENT");
  });

  test("our client on Node sends streams too, if it is connected", async () => {
    const path = await folder();
    const to = join(path, "to");
    const content = noise(2 * MIB);
    const received = deferred();
    const url = await serve({
      onMessageStart: () => createWriteStream(to).once("close", received.resolve),
      onMessage: () => undefined,
    });
    const session = transport() === "h2c" ? await openSession(url.replace("ws", "http")) : undefined;
    const client = new Client(
      url.replace("ws", scheme()),
      {
        onOpen: (ws: { send(message: object): boolean }) => void ws.send(new Blob([Uint8Array.from(content)]).stream()),
      },
      session === undefined ? { tls: { ca: certificate.cert }, http2: transport() === "h2" } : { http2: () => session },
    );
    onTestFinished(() => client.terminate());
    await received.promise;
    expect((await readFile(to)).equals(content)).toBe(true);
  });
});

test("a client that is not connected refuses a stream with an error that says why", () => {
  const client = new Client("ws://127.0.0.1:1", {});
  onTestFinished(() => client.terminate());
  expect(() => client.send(new Blob(["a"]).stream())).toThrow("a stream cannot wait for a connection: wait for onOpen");
});

test("broadcast and publish refuse a stream with an error that says why", async () => {
  const wss = new WebSocketServer({ onConnection: () => null }, { port: 0, host: "127.0.0.1" });
  onTestFinished(() => wss.terminate(0));
  const error = "a stream can be sent only on one open connection, with its `send`: not to many";
  // Their types refuse it too.
  const stream = (): object => new Blob(["a"]).stream();
  expect(() => wss.broadcast(stream())).toThrow(error);
  await expect(async () => wss.publish("topic", stream())).rejects.toThrow(error);
});

/** A TCP server that reads nothing, and how to pass something on to it. */
async function stalled(): Promise<() => Socket> {
  const upstream = createServer({ pauseOnConnect: true });
  const accepted: Socket[] = [];
  upstream.on("connection", (socket) => accepted.push(socket));
  upstream.listen(0, "127.0.0.1");
  await once(upstream, "listening");
  onTestFinished(() => {
    upstream.close();
    for (const socket of accepted) socket.destroy();
  });
  return () => connect((upstream.address() as AddressInfo).port, "127.0.0.1");
}

test.each<[string, (uploader: Socket, wss: WebSocketServer) => unknown]>([
  // Nothing is read: a ping finds out.
  ["the uploader is lost", (uploader) => uploader.resetAndDestroy()],
  ["the server terminates", (_uploader, wss) => wss.terminate(1)],
])("an upload to a socket that takes no more is given up when %s, and its place is free", async (_what, end) => {
  const upstream = await stalled();
  const [passedOn, ended] = [deferred<Socket>(), deferred()];
  const wss = new WebSocketServer(
    {
      onConnection: () => ({
        onMessageStart: () => {
          const socket = upstream();
          passedOn.resolve(socket);
          return socket;
        },
        onMessage: () => expect.unreachable("it was gathered"),
        onTerminate: () => ended.resolve(),
      }),
    },
    { port: 0, host: "127.0.0.1", pingInterval: 100, pingTimeout: 100 },
  );
  onTestFinished(() => wss.terminate(0));
  const uploader = connect(await portOf(wss), "127.0.0.1");
  const client = new WebSocket("ws://127.0.0.1", { createConnection: () => uploader });
  client.on("error", () => undefined); // it is reset
  await once(client, "open");
  // As much as the systems' buffers hold, and more. Its end never comes.
  client.send(Buffer.alloc(32 * MIB), { fin: false });
  const socket = await passedOn.promise;
  await until(() => socket.writableNeedDrain && !socket.connecting);
  const failed = once(socket, "error");
  void end(uploader, wss);
  expect(await failed).toMatchObject([{ code: "HWS_MESSAGE_CUT" }]);
  await Promise.all([ended.promise, until(() => socket.closed)]);
  await until(() => wss.counters.connections.leaving === 0);
  client.terminate();
});
