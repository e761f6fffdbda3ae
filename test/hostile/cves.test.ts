import { deflateRawSync } from "node:zlib";
import { type WSMessageEvent, type WebSocketConnection, WebSocketServer, type WebSocketServerOptions } from "hawser";
import { describe, expect, onTestFinished, test } from "vitest";
import { startServer } from "../support/live-server.ts";
import { portOf, turn, until } from "../support/peer.ts";
import { RawClient, type RawFrame, closeBody, handshake, masked } from "../support/raw-client.ts";
import { ownPort } from "../support/transport.ts";

// Known attacks on frames and messages of other products, tried here. docs/security.md describes them.

/** The received frames in hexadecimal digits: opcode and payload. */
function seen(frames: readonly (RawFrame | undefined)[]): (readonly [opcode: number, payload: string] | undefined)[] {
  return frames.map((frame) => frame && ([frame.opcode, frame.payload.toString("hex")] as const));
}

/** The code of the close frame, the only received frame. */
async function closeCode(client: RawClient): Promise<number | undefined> {
  const frame = await client.frame();
  expect(frame?.opcode).toBe(8);
  client.write(masked(0x88, closeBody(1000)));
  expect(seen(await client.frames())).toEqual([]);
  return frame?.payload.readUInt16BE();
}

/** Values that are not texts, bytes or plain objects. A program in JavaScript may pass them on from a client. */
const WRONG = [5, 65_536, true, undefined, null, Symbol("x"), 5n, () => {}, Object(5), new Map()] as unknown[];

describe("CVE-2016-10518: a number is not used as a size", () => {
  test("by ping(), whose payload is always its own four bytes", async () => {
    const { port } = await startServer({
      open: (ws) => void (ws.ping as (...args: unknown[]) => Promise<unknown>).call(ws, 65_536, Buffer.alloc(100)),
    });
    const client = await RawClient.open(port);
    const ping = await client.frame();
    expect(ping).toMatchObject({ opcode: 9, fin: true, payload: { length: 4 } });
  });

  test("by send() and broadcast(), which throw and send nothing", async () => {
    const thrown: unknown[] = [];
    const attempt = (act: () => unknown): void => {
      try {
        act();
      } catch (error) {
        thrown.push((error as { code?: unknown }).code);
      }
    };
    const { port } = await startServer({
      open(ws) {
        for (const message of WRONG) {
          attempt(() => ws.send(message as string));
          attempt(() => ws.wss.broadcast(message as string));
        }
        ws.send("all");
      },
    });
    const client = await RawClient.open(port);
    expect(seen([await client.frame()])).toEqual([[1, Buffer.from("all").toString("hex")]]);
    expect(thrown).toEqual(Array(WRONG.length * 2).fill("HWS_INVALID_ARGUMENT"));
  });
});

test("CVE-2016-10542: by default a message of 1 MiB is accepted, and one of a byte more is refused at its header", async () => {
  const { port, wss, recorders } = await startServer();
  const client = await RawClient.open(port);
  const most = new Uint8Array(1024 * 1024);
  client.write(masked(0x82, most), [0x82, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 1, 1, 2, 3, 4]);
  expect(await closeCode(client)).toBe(1009);
  client.end();
  await recorders[0]!.over;
  expect(recorders[0]!.messages.map((message) => (message as Buffer).length)).toEqual([most.length]);
  expect(wss.counters.limits.maxMessageSize).toBe(1);
});

test.each([
  ["a Float32Array", new Float32Array(20)],
  ["a DataView", new DataView(new ArrayBuffer(80))],
  ["bytes", Buffer.from("reason")],
  ["an ArrayBuffer", new ArrayBuffer(8)],
  ["a String object", Object("reason")],
  ["an object with a length", { length: 100, toString: () => "reason" }],
])("CVE-2026-45736: a reason that is %s is refused, and no memory is sent", async (_what, reason: unknown) => {
  const thrown: unknown[] = [];
  const { port } = await startServer({
    open(ws) {
      for (const args of [[4000, reason], [{ code: 4000, message: reason }]]) {
        try {
          (ws.terminate as (...args: unknown[]) => void).apply(ws, args);
        } catch (error) {
          thrown.push((error as { code?: unknown }).code);
        }
      }
      ws.terminate(4000, "bye");
    },
  });
  const client = await RawClient.open(port);
  const close = closeBody(4000, "bye");
  expect(seen([await client.frame()])).toEqual([[8, close.toString("hex")]]);
  client.write(masked(0x88, close));
  expect(seen(await client.frames())).toEqual([]);
  expect(thrown).toEqual(["HWS_INVALID_ARGUMENT", "HWS_INVALID_ARGUMENT"]);
});

describe("CVE-2026-48779, CVE-2026-12151: by default", () => {
  /** Fragments of one message: a mebibyte allows this many, at 64 bytes each. */
  const MOST = 16_384;
  const empty = masked(0x00);

  test.each([
    ["empty ones", masked(0x00)],
    ["of one byte", masked(0x00, "x")],
  ])("a message may have 16,384 fragments, and no more: %s", async (_which, fragment) => {
    const { port, wss, recorders } = await startServer();
    const client = await RawClient.open(port);
    const middle = Array<Uint8Array>(MOST - 2).fill(fragment);
    client.write(masked(0x02, "a"), ...middle, masked(0x80, "z"));
    client.write(masked(0x02, "a"), ...middle, fragment, fragment);
    expect(await closeCode(client)).toBe(1009);
    client.end();
    await recorders[0]!.over;
    expect(recorders[0]!.messages.map((message) => (message as Buffer).length)).toEqual([
      2 + (MOST - 2) * (fragment.length - empty.length),
    ]);
    expect(wss.counters.limits.maxFragments).toBe(1);
  });

  test.each([
    ["20,000 messages that are whole", [masked(0x81, "m")], 20_000],
    ["20,000 messages of three fragments", [masked(0x01, "m"), empty, masked(0x80)], 20_000],
    ["20,000 messages with pings inside", [masked(0x01, "m"), masked(0x89, "p"), masked(0x80)], 20_000],
  ])("fragments are counted for each message: %s pass on one socket", async (_what, frames, count) => {
    const { port, recorders } = await startServer();
    const client = await RawClient.open(port);
    const message = Buffer.concat(frames);
    client.write(Buffer.alloc(message.length * count, message), masked(0x88, closeBody(1000)));
    expect((await client.frames()).at(-1)?.payload.readUInt16BE()).toBe(1000);
    client.end();
    await recorders[0]!.over;
    expect(recorders[0]!.messages).toEqual(Array(count).fill("m"));
  });
});

describe("CVE-2026-1526, CVE-2026-2229: nothing is inflated", () => {
  test.each([
    "",
    "; server_max_window_bits=8",
    "; server_max_window_bits=99",
    "; client_max_window_bits; server_max_window_bits=-1",
  ])("permessage-deflate%s is declined", async (parameters) => {
    const { port } = await startServer();
    const client = await RawClient.connect(port);
    client.write(handshake("/", { "Sec-WebSocket-Extensions": `permessage-deflate${parameters}` }));
    const { status, headers } = await client.response();
    expect(status).toBe(101);
    expect(headers.has("sec-websocket-extensions")).toBe(false);
  });

  test("a compressed message is 1002, whatever its decompressed size", async () => {
    const { port, recorders } = await startServer();
    const client = await RawClient.open(port, "/", { "Sec-WebSocket-Extensions": "permessage-deflate" });
    const bomb = deflateRawSync(Buffer.alloc(16 * 1024 * 1024));
    expect(bomb.length).toBeLessThan(100_000);
    client.write(masked(0xc2, bomb));
    expect(await closeCode(client)).toBe(1002);
    client.end();
    await recorders[0]!.over;
    expect(recorders[0]!.messages).toEqual([]);
  });
});

/** A server for JSON with this `onMessage`. */
async function jsonServer(
  onMessage: (ws: WebSocketConnection, event: WSMessageEvent<unknown>) => unknown,
  options: WebSocketServerOptions<"object"> = {},
): Promise<{ readonly wss: WebSocketServer<object, "object">; readonly port: number; readonly errors: string[] }> {
  const errors: string[] = [];
  const site = {
    onConnection: () => ({ onMessage }),
    onError: (_wss: unknown, event: { errors: readonly [{ message: string }, ...unknown[]] }) =>
      void errors.push(event.errors[0].message),
  };
  const wss = new WebSocketServer(site, { ...(await ownPort()), dataType: "object", ...options });
  onTestFinished(() => wss.terminate(0));
  return { wss, port: await portOf(wss), errors };
}

const PLACEHOLDERS = [
  '{"_placeholder":true,"num":0}',
  '["x",{"_placeholder":true,"num":"splice"}]',
  '{"type":5,"attachments":0,"data":["x"]}',
  '{"type":5,"attachments":1e9,"data":[{"_placeholder":true,"num":0}]}',
];

test.each(PLACEHOLDERS)(
  "CVE-2022-2421, CVE-2026-33151, CVE-2026-69185: %s is ordinary data, and nothing waits for more",
  async (message) => {
    const received: unknown[] = [];
    const { port } = await jsonServer((ws, { data }) => {
      received.push(data);
      ws.send("next");
    });
    const client = await RawClient.open(port);
    for (let i = 0; i < 100; i++) client.write(masked(0x81, message));
    for (let i = 0; i < 100; i++) expect((await client.frame())?.payload.toString()).toBe("next");
    expect(received).toEqual(Array(100).fill(JSON.parse(message)));
  },
);

test.each(['{"toString":1}', "null", '[{"toString":"x"}]', '{"name":{"trim":5}}', "[]", "5", '{"then":5,"name":[]}'])(
  "CVE-2023-32695, CVE-2024-38355: an exception of a handler at %s closes that connection with 1011, and no other",
  async (message) => {
    const { port, wss, errors } = await jsonServer((_ws, { data }) => {
      const { name } = data as { name: string };
      return `${data as string} ${name.trim()}`;
    });
    const other = await RawClient.open(port);
    const client = await RawClient.open(port);
    client.write(masked(0x81, message));
    expect(await closeCode(client)).toBe(1011);
    other.write(masked(0x89, "there?"));
    expect((await other.frame())?.payload.toString()).toBe("there?");
    expect(errors).toHaveLength(1);
    expect(wss.terminated).toBe(false);
  },
);

test("CVE-2020-36049: many small messages leave no memory: each is delivered and released", async () => {
  const { port } = await jsonServer((ws, { data }) => ws.send(data as object));
  const client = await RawClient.open(port);
  const count = 5_000;
  client.write(...Array<Uint8Array>(count).fill(masked(0x81, "[0]")), masked(0x88, closeBody(1000)));
  expect(seen(await client.frames())).toEqual([
    ...Array<unknown>(count).fill([1, Buffer.from("[0]").toString("hex")]),
    [8, "03e8"],
  ]);
});

test("Mesop: many messages at once on one connection are handled one at a time, in order", async () => {
  const order: string[] = [];
  let busy = 0;
  let most = 0;
  const { port } = await jsonServer(async (ws, { data }) => {
    most = Math.max(most, ++busy);
    await turn();
    order.push(String(data));
    busy--;
    ws.send("done");
  });
  const client = await RawClient.open(port);
  const count = 3_000;
  client.write(...Array.from({ length: count }, (_, i) => masked(0x81, `${i}`)));
  await until(() => order.length === count);
  // After its close frame it wants no more answers.
  client.write(masked(0x88, closeBody(1000)));
  expect(await client.frames()).toHaveLength(count + 1);
  expect(most).toBe(1);
  expect(order).toEqual(Array.from({ length: count }, (_, i) => `${i}`));
});
