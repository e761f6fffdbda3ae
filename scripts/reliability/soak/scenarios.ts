import { setImmediate as turn, setTimeout as pause } from "node:timers/promises";
import { Client, type Head, type Route, handshake } from "../client.ts";
import { FIN, Op, closeCode, closeFrame, clientFrame } from "../frames.ts";

/** One sequence of events on a connection, from the first byte to the end. */
export interface Scenario {
  /** What happens. */
  readonly name: string;
  /** How many connections of a hundred are like this. */
  readonly share: number;
  /**
   * Runs it.
   *
   * @throws Error - if the server does something else than expected
   */
  readonly run: (route: Route, n: number) => Promise<void>;
}

/** One byte more than the server allows. */
const TOO_LONG = 128 * 1024 + 1;

/** The messages that the server sends to a slow reader, and the milliseconds in which that does not read. */
const FLOOD = { messages: 12, length: 512 * 1024 };
const SLOW = 5;

const text = (message: string): Buffer => clientFrame(FIN | Op.text, message);

const TERMINATE = text("terminate");
const THROW = text("throw");
const CLOSE = closeFrame(1000);
const HALF_A_FRAME = text("this one never ends").subarray(0, 12);
const BAD_UTF8 = clientFrame(FIN | Op.text, Uint8Array.of(0xc3, 0x28));
const RESERVED = clientFrame(FIN | 0x40 | Op.text, "RSV1 without an extension");
const OVERLONG = clientFrame(FIN | Op.binary, "", TOO_LONG);
const PING_ME = text("ping");
const BUSY = text("kept busy");

/** The messages on a connection before its end: each is a message and its echo. */
const conversation: readonly (readonly [sent: Buffer, opcode: number, length: number])[] = [
  [text("x".repeat(20)), Op.text, 20],
  [clientFrame(FIN | Op.binary, Buffer.alloc(200, 7)), Op.binary, 200],
  [text("Grüße ".repeat(40)), Op.text, 320],
  [clientFrame(FIN | Op.ping, "still there?"), Op.pong, 12],
  [
    Buffer.concat([clientFrame(Op.text, "one, "), clientFrame(Op.continuation, "two, "), clientFrame(FIN, "three")]),
    Op.text,
    15,
  ],
  [text("y".repeat(3_000)), Op.text, 3_000],
  [clientFrame(FIN | Op.binary, Buffer.alloc(70_000, 9)), Op.binary, 70_000],
];

/** All scenarios. The shares add up to a hundred. */
export const scenarios: readonly Scenario[] = [
  {
    name: "the client closes",
    share: 18,
    run: async (route, n) => {
      const client = await openWithTraffic(route, n);
      client.write(CLOSE);
      await closedWith(client, 1000);
      client.end();
    },
  },
  {
    name: "the server closes",
    share: 14,
    run: async (route, n) => {
      const client = await openWithTraffic(route, n);
      client.write(TERMINATE);
      await closedWith(client, 4000, CLOSE);
      client.end();
    },
  },
  {
    name: "the server closes and the client stays silent",
    share: 1,
    run: async (route, n) => {
      const client = await openWithTraffic(route, n);
      client.write(TERMINATE);
      await closedWith(client, 4000);
      client.end();
    },
  },
  {
    name: "the client ends without a close frame",
    share: 10,
    run: async (route, n) => {
      const client = await openWithTraffic(route, n);
      client.end();
      await client.ended();
    },
  },
  {
    name: "the client ends inside a message",
    share: 4,
    run: async (route, n) => {
      const client = await openWithTraffic(route, n);
      client.write(clientFrame(Op.text, "the first of some fragments"));
      client.write(HALF_A_FRAME);
      client.end();
      await client.ended();
    },
  },
  { name: "the client resets", share: 10, run: async (route, n) => (await openWithTraffic(route, n)).reset() },
  {
    name: "the client resets inside a message",
    share: 4,
    run: async (route, n) => {
      const client = await openWithTraffic(route, n);
      client.write(HALF_A_FRAME);
      await turn();
      client.reset();
    },
  },
  {
    name: "the client resets while answers are in flight",
    share: 4,
    run: async (route) => {
      const client = await Client.open(route);
      for (const [sent] of conversation) client.write(sent);
      await client.frame();
      client.reset();
    },
  },
  {
    name: "an async handler, and the client closes while it is busy",
    share: 6,
    run: async (route) => {
      const client = await Client.open(route, "/busy");
      client.write(Buffer.concat([BUSY, BUSY, CLOSE]));
      // Its handler works on, and is not heard: the client has said that it wants no more.
      await closedWith(client, 1000);
      client.end();
    },
  },
  {
    name: "an async handler, and the client resets while it is busy",
    share: 5,
    run: async (route) => {
      const client = await Client.open(route, "/late");
      client.write(Buffer.concat([BUSY, BUSY]));
      await turn();
      client.reset();
    },
  },
  {
    name: "the server pings and the client answers",
    share: 1,
    run: async (route) => {
      const client = await Client.open(route);
      client.write(PING_ME);
      client.write(clientFrame(FIN | Op.pong, await expectFrame(client, Op.ping)));
      await expectFrame(client, Op.text, "number".length);
      client.write(CLOSE);
      await closedWith(client, 1000);
      client.end();
    },
  },
  {
    name: "the server pings and the client resets",
    share: 1,
    run: async (route) => {
      const client = await Client.open(route);
      client.write(PING_ME);
      await expectFrame(client, Op.ping);
      client.reset();
    },
  },
  {
    name: "a slow reader that reads everything",
    share: 1,
    run: async (route) => {
      const client = await Client.open(route, "/flood");
      client.pause();
      await pause(SLOW);
      client.resume();
      for (let i = 0; i < FLOOD.messages; i++) await expectFrame(client, Op.binary, FLOOD.length);
      await expectFrame(client, Op.text, "true".length);
      client.write(CLOSE);
      await closedWith(client, 1000);
      client.end();
    },
  },
  {
    name: "a slow reader that resets",
    share: 1,
    run: async (route) => {
      const client = await Client.open(route, "/flood");
      client.pause();
      await pause(SLOW);
      client.reset();
    },
  },
  { name: "a message that is too long", share: 4, run: (route, n) => failing(route, n, OVERLONG, 1009) },
  { name: "a frame that breaks the rules", share: 2, run: (route, n) => failing(route, n, RESERVED, 1002) },
  { name: "a text that is not UTF-8", share: 2, run: (route, n) => failing(route, n, BAD_UTF8, 1007) },
  { name: "a handler that throws", share: 2, run: (route, n) => failing(route, n, THROW, 1011) },
  {
    name: "a handshake that onConnection refuses",
    share: 3,
    run: (route) => refused(route, handshake("/refused"), 401),
  },
  {
    name: "a handshake from another origin",
    share: 2,
    run: (route) => refused(route, handshake("/", { Origin: "https://elsewhere.example" }), 403),
  },
  {
    name: "a handshake with an unsupported version",
    share: 1,
    run: (route) => refused(route, handshake("/", { "Sec-WebSocket-Version": "12" }), 426),
  },
  { name: "a request that is not HTTP", share: 1, run: (route) => refused(route, "HELLO\r\n\r\n", 400) },
  {
    name: "the client resets inside its handshake",
    share: 2,
    run: async (route) => {
      const client = await Client.connect(route);
      client.write(handshake("/").slice(0, 60));
      await turn();
      client.reset();
    },
  },
  {
    name: "the client resets before the answer to its handshake",
    share: 1,
    run: async (route) => {
      const client = await Client.connect(route);
      client.write(handshake("/late"));
      await turn();
      client.reset();
    },
  },
];

/** Opens a connection, and exchanges two messages. */
async function openWithTraffic(route: Route, n: number): Promise<Client> {
  const client = await Client.open(route);
  for (let i = 0; i < 2; i++) {
    const exchange = conversation[(n + i) % conversation.length];
    if (exchange === undefined) continue;
    const [sent, opcode, length] = exchange;
    client.write(sent);
    await expectFrame(client, opcode, length);
  }
  return client;
}

/** Reads the next frame, which must have this opcode and, if it is given, this length. Returns the payload. */
async function expectFrame(client: Client, opcode: number, length?: number): Promise<Uint8Array> {
  const frame = await client.frame();
  if (frame?.opcode === opcode && (length ?? frame.payload.length) === frame.payload.length) return frame.payload;
  client.reset();
  const got = frame === undefined ? "the end" : `opcode ${String(frame.opcode)}, ${String(frame.payload.length)} bytes`;
  throw new Error(`expected opcode ${String(opcode)}, ${String(length ?? "any")} bytes, got ${got}`);
}

/** Reads a close frame, which must have this code, sends the answer if there is one, and waits for the end. */
async function closedWith(client: Client, code: number, answer?: Buffer): Promise<void> {
  const frame = await client.frame();
  const got = frame?.opcode === Op.close ? closeCode(frame) : "none";
  if (answer !== undefined) client.write(answer);
  await client.ended();
  if (got === code) return;
  client.reset();
  throw new Error(`expected close code ${String(code)}, got ${String(got)}`);
}

/** Sends something for which the server must fail the connection. */
async function failing(route: Route, n: number, sent: Buffer, code: number): Promise<void> {
  const client = await openWithTraffic(route, n);
  client.write(sent);
  await closedWith(client, code, closeFrame(code));
  client.end();
}

/** Sends a request that the server must refuse. */
async function refused(route: Route, request: string, status: number): Promise<void> {
  const client = await Client.connect(route);
  client.write(request);
  const head: Head | undefined = await client.head();
  await client.ended();
  client.end();
  if (head?.status !== status) throw new Error(`expected ${String(status)}, got ${head?.text ?? "nothing"}`);
}
