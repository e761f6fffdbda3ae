import { deflateRawSync, constants } from "node:zlib";
import { describe, expect, test } from "vitest";
import { AutoResponse } from "../../src/connection/auto-response.ts";
import { toTicks } from "../../src/connection/keepalive/ticks.ts";
import { decoders } from "../../src/connection/receiving/decode.ts";
import { asBytes } from "../../src/protocol/bytes.ts";
import { Opcode } from "../../src/protocol/opcodes.ts";
import { utf8 } from "../support/bytes.ts";
import { asClient, encode } from "../support/frames.ts";
import { Session, binary, close, deferred, text } from "../support/session.ts";
import { turns } from "../support/wire.ts";

const LIMIT = { maxMessageSize: 1024 };

function newPing(): AutoResponse {
  return new AutoResponse("ping", "pong");
}

/** The texts that were sent. */
function textsOf(session: Session): string[] {
  return session.sent.filter(([kind]) => kind === "text").map(([, payload]) => payload);
}

function compressed(data: string): ReturnType<typeof asBytes> {
  return asBytes(deflateRawSync(data, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4));
}

describe("what is the request", () => {
  test.each([
    ["the exact text", Opcode.text, "ping", true],
    ["the same bytes in a binary message", Opcode.binary, "ping", false],
    ["a longer text", Opcode.text, "ping!", false],
    ["a shorter text", Opcode.text, "pin", false],
    ["another case", Opcode.text, "PING", false],
    ["an empty text", Opcode.text, "", false],
  ] as const)("%s: %s %s", (_, opcode, data, expected) => {
    const bytes = asBytes(Buffer.from(`..${data}..`));
    expect(newPing().isRequest(opcode, bytes, 2, bytes.length - 2)).toBe(expected);
    expect(newPing().isCompressedRequest(opcode, compressed(data), LIMIT)).toBe(expected);
  });

  test("bytes that cannot be decompressed, and a message above its limit, are left to the usual way", () => {
    expect(newPing().isCompressedRequest(Opcode.text, asBytes(Buffer.of(0xff, 0xff, 0xff)), LIMIT)).toBe(false);
    expect(newPing().isCompressedRequest(Opcode.text, compressed("ping"), { maxMessageSize: 3 })).toBe(false);
  });

  test("a request of 125 bytes that compresses badly is found", () => {
    const request = Buffer.from(Array.from({ length: 125 }, (_, i) => 33 + ((i * 37) % 94))).toString();
    expect(new AutoResponse(request, "x").isCompressedRequest(Opcode.text, compressed(request), LIMIT)).toBe(true);
  });
});

describe("a connection with autoResponse", () => {
  test.each(["text", "blob", "auto"] as const)("answers under dataType %s, and calls no handler", async (dataType) => {
    const autoResponse = newPing();
    const session = new Session({}, { autoResponse, decode: decoders[dataType] });
    session.receive(text("ping"), text("other"), text("ping"));
    await turns();
    expect(textsOf(session)).toEqual(["pong", "pong"]);
    const messages = session.calls.filter(([name]) => name === "message").map(([, data]) => String(data));
    expect(messages).toEqual(["other"]);
    expect(autoResponse.answered).toBe(2);
    expect(session.connection.counters).toMatchObject({ accepted: 2 });
  });

  test("answers a text in fragments, one that is cut anywhere, and one that is not ASCII", async () => {
    const session = new Session({}, { autoResponse: new AutoResponse("gibt’s dich?", "ja") });
    const whole = text("gibt’s dich?");
    const [start, end] = [utf8("gibt’s dich?").subarray(0, 5), utf8("gibt’s dich?").subarray(5)];
    session.receive(
      asClient(encode({ opcode: 1, fin: false, payload: start })),
      asClient(encode({ opcode: 0, payload: end })),
    );
    for (const byte of whole) session.receive(Uint8Array.of(byte));
    session.receive(whole);
    await turns();
    expect(textsOf(session)).toEqual(["ja", "ja", "ja"]);
    expect(session.calls).toEqual([["open"]]);
  });

  test("delivers a binary message of the same bytes", async () => {
    const session = new Session({}, { autoResponse: newPing() });
    session.receive(binary("70 69 6e 67"));
    await turns();
    expect(session.calls.map(([name]) => name)).toEqual(["open", "message"]);
    expect(textsOf(session)).toEqual([]);
  });

  test("answers after what was sent before, while a handler is busy", async () => {
    const busy = deferred();
    const session = new Session(
      {
        message: (ws) => {
          ws.sendText("first");
          return busy.promise;
        },
      },
      { autoResponse: newPing() },
    );
    session.receive(text("work"), text("more work"), text("ping"));
    await turns();
    expect(textsOf(session)).toEqual(["first", "pong"]);
    busy.resolve();
    await turns();
    expect(textsOf(session)).toEqual(["first", "pong", "first"]);
  });

  test("answers nothing once we close, nor after the peer's close frame", async () => {
    const ours = new Session({}, { autoResponse: newPing() });
    ours.connection.close(1000);
    ours.receive(text("ping"));
    const peers = new Session({}, { autoResponse: newPing() });
    peers.receive(close(1000), text("ping"));
    await turns();
    for (const session of [ours, peers]) {
      expect(textsOf(session)).toEqual([]);
      expect(session.settings.autoResponse?.answered).toBe(0);
    }
  });

  test("goes on to count its idle time", () => {
    const keepalive = toTicks({
      pingInterval: Infinity,
      pingTimeout: Infinity,
      idleTimeout: 10_000,
      maxLifetime: Infinity,
    });
    const session = new Session({}, { autoResponse: newPing(), keepalive });
    for (let i = 0; i <= keepalive.idleTimeout + 1; i++) {
      session.receive(text("ping"));
      session.connection.checkPeer();
      expect(session.connection.status).toBe(i > keepalive.idleTimeout ? "Closing" : "Connected");
      session.currentTick++;
    }
    expect(session.settings.limitCounters.idleTimeout).toBe(1);
  });

  test("does not call onDrain for answers that a slow peer does not take", async () => {
    const drains: string[] = [];
    const session = new Session(
      { drain: () => drains.push("drain") },
      { autoResponse: newPing(), highWaterMark: 1, maxSendQueue: 100_000 },
    );
    session.stream.stick();
    for (let i = 0; i < 10; i++) session.receive(text("ping"));
    session.stream.flow();
    await turns();
    expect(textsOf(session)).toHaveLength(10);
    expect(drains).toEqual([]);
  });
});

test("without the option the text is an ordinary message", async () => {
  const session = new Session();
  session.receive(text("ping"));
  await turns();
  expect(session.calls).toEqual([["open"], ["message", "ping"]]);
});
