import { describe, expect, test, vi } from "vitest";
import { SendResult } from "../../src/connection/sending/send-result.ts";
import type { Connection } from "../../src/connection/connection.ts";
import { asBytes } from "../../src/protocol/bytes.ts";
import { fill, hex, join, toHex, utf8 } from "../support/bytes.ts";
import { asClient, encode } from "../support/frames.ts";
import { MAX_MESSAGES_PER_TURN } from "../../src/connection/dispatch/turn-budget.ts";
import { Session, close, binary, ping, text } from "../support/session.ts";
import { pair } from "../support/socket-pair.ts";
import { Wire, turns } from "../support/wire.ts";
import { memoryWrittenBy } from "../support/written-memory.ts";
import { outgoing } from "../support/outgoing.ts";
import { SharedMessage } from "../../src/connection/sending/shared-message.ts";

const OPEN = ["open"];

describe("opening", () => {
  // shows 4D-2-open, 4D-2-open-first
  test("calls onOpen at once and delivers what came with the handshake after it, all answered in one write", async () => {
    const session = new Session(
      { open: (ws) => ws.send(outgoing("welcome")), message: (ws, data) => ws.send(outgoing(`re: ${String(data)}`)) },
      { head: join([text("one"), text("two")]) },
    );
    expect(session.calls).toEqual([OPEN, ["message", "one"], ["message", "two"]]);
    await turns();
    expect(session.stream.writes).toHaveLength(1);
    expect(session.sent).toEqual([
      ["text", "welcome"],
      ["text", "re: one"],
      ["text", "re: two"],
    ]);
  });

  test("goes on with a frame that began in the handshake's last chunk", async () => {
    const frame = text("cut");
    const session = new Session({}, { head: frame.subarray(0, 3) });
    session.receive(frame.subarray(3));
    await turns();
    expect(session.calls).toEqual([OPEN, ["message", "cut"]]);
  });

  test("answers the handshake even when nothing is sent", async () => {
    const session = new Session();
    await turns();
    expect(session.stream.writes).toHaveLength(1);
    expect(session.sent).toEqual([]);
    expect(session.connection.status).toBe("Connected");
  });
});

describe("opening without onOpen", () => {
  test("answers the handshake in a write of its own, without a cork, if nothing came with it", async () => {
    const stream = new Wire();
    const cork = vi.spyOn(stream, "cork");
    const session = new Session({}, { stream, without: ["onOpen"] });
    expect(cork).not.toHaveBeenCalled();
    await turns();
    expect(session.stream.writes).toHaveLength(1);
    session.receive(text("one"));
    expect(session.calls).toEqual([["message", "one"]]);
  });

  test("answers what came with the handshake in the same write", async () => {
    const echo = { message: (ws: Connection, data: unknown) => ws.send(outgoing(`re: ${String(data)}`)) };
    const session = new Session(echo, { head: text("one"), without: ["onOpen"] });
    await turns();
    expect(session.stream.writes).toHaveLength(1);
    expect(session.sent).toEqual([["text", "re: one"]]);
  });
});

describe("receiving", () => {
  // shows 4D-2-message
  test("delivers each message once and in order, for any cuts of the chunks", async () => {
    const session = new Session();
    const bytes = join([text("one"), binary("00 ff"), ping("x"), text("three")]);
    for (const byte of bytes) session.receive(Uint8Array.of(byte));
    await turns();
    session.receive(bytes, bytes);
    await turns();
    const round = [
      ["message", "one"],
      ["message", hex("00 ff")],
      ["message", "three"],
    ];
    expect(session.calls).toEqual([OPEN, ...round, ...round, ...round]);
    expect(session.sent).toEqual([
      ["pong", "78"],
      ["pong", "78"],
      ["pong", "78"],
    ]);
  });

  test("answers all messages of one chunk in one write", async () => {
    const session = new Session({ message: (ws, data) => ws.send(outgoing(data as string)) });
    await turns();
    // On a slow machine the time of a turn could be over before.
    const clock = vi.spyOn(performance, "now").mockReturnValue(0);
    session.receive(...Array.from({ length: 50 }, (_, i) => text(`${i}`)));
    await turns();
    clock.mockRestore();
    expect(session.stream.writes).toHaveLength(2);
    expect(session.sent).toEqual(Array.from({ length: 50 }, (_, i) => ["text", `${i}`]));
  });

  // shows 6455-5.5.2-1, 6455-5.5.3-1
  test("sends the pong in its place among the answers", async () => {
    const session = new Session({ message: (ws, data) => ws.send(outgoing(data as string)) });
    session.receive(text("a"), ping("p"), text("b"));
    await turns();
    expect(session.sent).toEqual([
      ["text", "a"],
      ["pong", "70"],
      ["text", "b"],
    ]);
  });

  test("writes equal answers to equal messages side by side, as one piece of memory", async () => {
    const session = new Session({ message: (ws, data) => ws.send(outgoing(data as string)) });
    await turns();
    session.receive(text("same"), text("same"), text("same"));
    await turns();
    expect(session.stream.memory.at(-1)).toHaveLength(1);
    expect(session.sent).toEqual(Array.from({ length: 3 }, () => ["text", "same"]));
  });

  test("echoes bytes unchanged, though they are a view of the chunk", async () => {
    const session = new Session({ message: (ws, data) => ws.send(outgoing(asBytes(data as Buffer))) });
    session.receive(binary("01 02"), binary("b5".repeat(40_000)), binary("03"));
    await turns();
    expect(session.sent).toEqual([
      ["binary", "0102"],
      ["binary", "b5".repeat(40_000)],
      ["binary", "03"],
    ]);
  });
});

describe("send", () => {
  test("keeps the order of all kinds of messages", async () => {
    const session = new Session();
    const { connection } = session;
    connection.send(outgoing("a"));
    connection.send(new SharedMessage(outgoing("shared")));
    connection.send(outgoing("a"));
    connection.send(outgoing("a"));
    connection.send(outgoing(fill(1, 20_000)));
    connection.send(new SharedMessage(outgoing("shared")));
    connection.send(outgoing(utf8("b")));
    await turns();
    expect(session.sent).toEqual([
      ["text", "a"],
      ["text", "shared"],
      ["text", "a"],
      ["text", "a"],
      ["binary", "01".repeat(20_000)],
      ["text", "shared"],
      ["binary", "62"],
    ]);
  });

  test("of the same text to many connections writes the same memory for all, from the second on", async () => {
    const sockets = await Promise.all(Array.from({ length: 6 }, async () => (await pair()).near));
    const memories = sockets.map(memoryWrittenBy);
    const connections = sockets.map((stream) => new Session({}, { stream: stream as unknown as Wire }).connection);
    await turns();
    for (const connection of connections) connection.send(outgoing("to all"));
    await turns();
    // The first connection got it as a string.
    const last = memories.slice(1).map((written) => written.at(-1)!);
    for (const bytes of last) expect(Buffer.from(bytes).toString("latin1")).toContain("to all");
    expect(new Set(last).size).toBe(1);
  });

  test("is true when more than highWaterMark waits, and false when it is sent", async () => {
    const stream = new Wire({ highWaterMark: 1 });
    const session = new Session({}, { stream, highWaterMark: 10 });
    await turns();
    stream.stick();
    expect(session.connection.send(outgoing("12345678"))).toBe(SendResult.accepted);
    expect(session.connection.send(outgoing(""))).toBe(SendResult.acceptedAndSlow);
    expect(session.connection.bufferedAmount).toBe(12);
    await turns();
    expect(session.connection.send(outgoing("x"))).toBe(SendResult.acceptedAndSlow);
    stream.flow();
    await turns();
    expect(session.connection.bufferedAmount).toBe(0);
    expect(session.connection.send(outgoing("x"))).toBe(SendResult.accepted);
    await turns();
    expect(session.sent).toEqual([
      ["text", "12345678"],
      ["text", ""],
      ["text", "x"],
      ["text", "x"],
    ]);
  });

  // shows 4D-3-send-dropped
  test("is false and sends nothing before the end of a closing, after it, and after a failure", async () => {
    const session = new Session();
    const sendAll = (): SendResult[] => [
      session.connection.send(outgoing("x")),
      session.connection.send(outgoing(utf8("x"))),
      session.connection.send(outgoing(new Blob(["x"]))),
      session.connection.send(new SharedMessage(outgoing("x"))),
    ];
    await turns();
    session.connection.close(1000);
    expect(session.connection.status).toBe("Closing");
    expect(sendAll()).toEqual([SendResult.dropped, SendResult.dropped, SendResult.dropped, SendResult.dropped]);
    session.receive(close(1000));
    session.stream.arriveEnd();
    await turns();
    expect(session.connection.status).toBe("Closed");
    expect(sendAll()).toEqual([SendResult.dropped, SendResult.dropped, SendResult.dropped, SendResult.dropped]);
    await turns();
    expect(session.sent).toEqual([["close", "1000"]]);
    expect(session.connection.bufferedAmount).toBe(0);
  });

  test("in onTerminate is dropped", async () => {
    const results: SendResult[] = [];
    const session = new Session({ terminate: (ws) => results.push(ws.send(outgoing("bye"))) });
    session.connection.destroy();
    await turns();
    expect(results).toEqual([SendResult.dropped]);
  });
});

test.each([
  ["fragments", encode({ fin: false, opcode: 0, payload: utf8("") })],
  ["pings", encode({ opcode: 9, payload: utf8("") })],
])("a peer that floods with %s is read again in the next turn only", async (_what, frame) => {
  const session = new Session();
  session.receive(asClient(encode({ fin: false, opcode: 1, payload: utf8("a") })));
  await turns();
  session.receive(...Array.from({ length: MAX_MESSAGES_PER_TURN + 1 }, () => asClient(frame)));
  expect(session.stream.isPaused()).toBe(true);
  await turns();
  expect(session.stream.isPaused()).toBe(false);
});

describe("many pings", () => {
  test("to a peer that does not read keep one pong in memory", async () => {
    // A turn's time is limited too, and machines are slow.
    const clock = vi.spyOn(performance, "now").mockReturnValue(0);
    const stream = new Wire({ highWaterMark: 1 });
    const session = new Session({}, { stream });
    await turns();
    stream.stick();
    session.connection.send(outgoing("fills it"));
    await turns();
    for (let i = 0; i < 1000; i++) session.receive(ping(`${i}`));
    // Only some of them are read in one turn.
    await turns(10);
    expect(session.connection.bufferedAmount).toBe(10);
    stream.flow();
    await turns();
    expect(session.sent).toEqual([
      ["text", "fills it"],
      ["pong", toHex(utf8("999"))],
    ]);
    clock.mockRestore();
  });
});
