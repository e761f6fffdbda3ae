import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, Socket } from "node:net";
import { Duplex } from "node:stream";
import { type WSMessageEvent, type WebSocketConnection, WebSocketServer } from "hawser";
import { describe, expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { until } from "../support/peer.ts";

type Write = (chunk: string | Uint8Array, ...more: unknown[]) => boolean;

/** The chunks that an application has kept instead of writing them. */
interface Keeper {
  readonly kept: (() => void)[];
  keeping: boolean;
}

/** Ways in which an application intercepts the writes of the library, and keeps the chunks. */
const KEEPERS: Readonly<Record<string, (socket: Socket, keeper: Keeper) => void>> = {
  "a replaced write": (socket, keeper) => {
    const write = socket.write.bind(socket) as Write;
    socket.write = (chunk: string | Uint8Array, encoding?: unknown, done?: unknown) => {
      if (!keeper.keeping) return write(chunk, encoding, done);
      keeper.kept.push(() => write(chunk, encoding));
      const callback = [encoding, done].find((one) => typeof one === "function");
      if (typeof callback === "function") process.nextTick(callback);
      return true;
    };
  },
  "a replaced _write": (socket, keeper) => {
    const write = socket._write.bind(socket);
    socket._write = (chunk, encoding, done) => {
      if (!keeper.keeping) {
        write(chunk, encoding, done);
        return;
      }
      keeper.kept.push(() => write(chunk, encoding, () => undefined));
      done();
    };
  },
  "a class of its own": (socket, keeper) => {
    class Keeping extends Socket {
      override _write(chunk: unknown, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
        if (!keeper.keeping) {
          super._write(chunk, encoding, done);
          return;
        }
        keeper.kept.push(() => super._write(chunk, encoding, () => undefined));
        done();
      }
    }
    Object.setPrototypeOf(socket, Keeping.prototype);
    (socket as unknown as { _writev: unknown })._writev = undefined;
  },
};

const ASKED = { alice: "a", bobby: "b" } as const;

/** Answers of every kind that is written from shared memory. `fill` identifies the client. */
const ANSWERS: Readonly<Record<string, (ws: WebSocketConnection, fill: string) => void>> = {
  "16 KiB of bytes": (ws, fill) => void ws.send(Buffer.alloc(16 * 1024 - 4, fill)),
  "a long text": (ws, fill) => void ws.send(fill.repeat(600)),
  "a text after one that is not ASCII": (ws, fill) => {
    ws.send("é");
    setImmediate(() => setImmediate(() => ws.send(fill.repeat(100))));
  },
  JSON: (ws, fill) => void ws.send({ fill: fill.repeat(700) }),
};

/** A server that answers with the client's own letter. `wrap` gets the first socket. */
async function serve(answer: (ws: WebSocketConnection, fill: string) => void, wrap: (socket: Socket) => void) {
  const web = createServer();
  let first = true;
  web.prependListener("connection", (socket) => {
    if (first) wrap(socket);
    first = false;
  });
  const wss = new WebSocketServer(
    {
      onConnection: () => ({
        onMessage: (ws: WebSocketConnection, event: WSMessageEvent) => {
          answer(ws, event.data);
        },
      }),
    },
    { server: web },
  );
  web.listen(0, "127.0.0.1");
  await once(web, "listening");
  onTestFinished(async () => {
    await wss.terminate(0);
    web.close();
  });
  return `ws://127.0.0.1:${String((web.address() as AddressInfo).port)}`;
}

async function client(url: string) {
  const ws = new WebSocket(url);
  const got: string[] = [];
  ws.on("message", (data: Buffer) => got.push(data.toString()));
  onTestFinished(() => ws.terminate());
  await once(ws, "open");
  return { ws, got };
}

describe.each(Object.keys(KEEPERS))("with %s that keeps written chunks", (name) => {
  test.each(Object.keys(ANSWERS))("no client gets another's answer: %s", async (kind) => {
    const keeper: Keeper = { kept: [], keeping: false };
    const url = await serve(ANSWERS[kind]!, (socket) => KEEPERS[name]!(socket, keeper));
    const alice = await client(url);
    const bobby = await client(url);
    keeper.keeping = true;
    alice.ws.send(ASKED.alice);
    await until(() => keeper.kept.length > 0);
    bobby.ws.send(ASKED.bobby);
    await until(() => bobby.got.some((text) => text.includes("bbbb")));
    keeper.keeping = false;
    for (const write of keeper.kept) write();
    await until(() => alice.got.some((text) => text.length > 50));
    expect(new Set(alice.got.join("").replaceAll(/[^ab]/g, ""))).toEqual(new Set(["a"]));
  });
});

/** Two streams that get the same chunks, as in the replay of a recording. */
class Replay extends Duplex {
  readonly written: Buffer[] = [];
  override _read(): void {}
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.written.push(Buffer.from(chunk));
    // A stream may change its chunks: this one encrypts them in place.
    chunk.fill(0);
    done();
  }
}

test("a stream that is not a socket of Node gets its own memory, in both directions", async () => {
  const wss = new WebSocketServer(
    {
      onConnection: () => ({
        onMessage: (_ws: WebSocketConnection, event: WSMessageEvent) => {
          wss.broadcast(event.data.repeat(2000));
        },
      }),
    },
    { origins: ["*"] },
  );
  onTestFinished(() => wss.terminate(0));
  const web = createServer();
  web.on("upgrade", (request, socket, head) => {
    onTestFinished(() => void socket.destroy());
    const stream = new Replay();
    streams.push(stream);
    wss.handleUpgrade(request, stream, head);
  });
  const streams: Replay[] = [];
  web.listen(0, "127.0.0.1");
  await once(web, "listening");
  onTestFinished(() => void web.close());
  const { port } = web.address() as AddressInfo;
  const sockets = [new WebSocket(`ws://127.0.0.1:${String(port)}`), new WebSocket(`ws://127.0.0.1:${String(port)}`)];
  for (const socket of sockets) socket.on("error", () => undefined);
  onTestFinished(() => {
    for (const socket of sockets) socket.terminate();
  });
  await until(() => wss.connections.length === 2);
  const frame = Buffer.from([0x81, 0x81, 1, 2, 3, 4, "x".charCodeAt(0) ^ 1]);
  for (const stream of streams) stream.push(frame);
  const all = (stream: Replay): string => Buffer.concat(stream.written).toString("latin1").split("\r\n\r\n")[1] ?? "";
  await until(() => streams.every((stream) => all(stream).split("x").length > 4000));
  expect(frame).toEqual(Buffer.from([0x81, 0x81, 1, 2, 3, 4, "x".charCodeAt(0) ^ 1]));
  for (const stream of streams) expect(all(stream).split("x").length).toBe(4001);
});

const MORE_THAN_IS_COPIED = 32 * 1024;

/** Ways in which an application detaches memory that it has sent. */
const TAKERS: Readonly<Record<string, () => { readonly bytes: Uint8Array; readonly take: () => void }>> = {
  transferred: () => {
    const bytes = new Uint8Array(MORE_THAN_IS_COPIED);
    return { bytes, take: () => void structuredClone(bytes.buffer, { transfer: [bytes.buffer] }) };
  },
  "grown by WebAssembly": () => {
    const memory = new WebAssembly.Memory({ initial: 1 });
    return { bytes: new Uint8Array(memory.buffer, 0, MORE_THAN_IS_COPIED), take: () => void memory.grow(1) };
  },
  resized: () => {
    const buffer = new (ArrayBuffer as unknown as new (size: number, options: object) => ArrayBuffer)(
      MORE_THAN_IS_COPIED,
      { maxByteLength: 2 * MORE_THAN_IS_COPIED },
    );
    return { bytes: new Uint8Array(buffer), take: () => (buffer as unknown as { resize(n: number): void }).resize(16) };
  },
};

describe.each(Object.keys(TAKERS))("memory that is %s before it is written", (name) => {
  test("fails that connection with an error, and nothing else stops", async () => {
    const causes: unknown[] = [];
    const done: number[] = [];
    const wss = new WebSocketServer(
      {
        onConnection: () => ({
          onMessage: (ws: WebSocketConnection, event: WSMessageEvent) => {
            if (event.data === "echo") return void ws.send("echo");
            const { bytes, take } = TAKERS[name]!();
            ws.send(bytes);
            take();
            return ws.drained();
          },
          onError: (_ws: WebSocketConnection, event: { errors: readonly { cause: unknown }[] }) => {
            causes.push(event.errors[0]?.cause);
          },
          onTerminate: (_ws: WebSocketConnection, event: { code: number }) => {
            done.push(event.code);
          },
        }),
      },
      { port: 0, host: "127.0.0.1" },
    );
    await until(() => wss.address() !== null);
    onTestFinished(() => wss.terminate(0));
    const url = `ws://127.0.0.1:${String((wss.address() as AddressInfo).port)}`;
    const witness = await client(url);
    for (let i = 1; i <= 30; i++) {
      const { ws } = await client(url);
      ws.on("error", () => undefined);
      ws.send("take");
      await until(() => done.length === i);
    }
    expect(causes.map((cause) => (cause as { code?: unknown }).code)).toEqual(
      Array.from({ length: 30 }, () => "HWS_SEND_FAILED"),
    );
    expect(new Set(done)).toEqual(new Set([1006]));
    witness.ws.send("echo");
    await until(() => witness.got.length === 1);
    expect(wss.connections.length).toBe(1);
  });
});
